"""What all tasks of one engine share: settings, caches, the board of running tasks, timers and outgoing effects."""

from typing import Final

from holdfast.base.audience import Audiences
from holdfast.base.effects import Effect, Record
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings
from holdfast.cache.bad_signatures import BadSignatures
from holdfast.cache.broken_zones import BrokenZones
from holdfast.cache.delegation_cache import DelegationCache
from holdfast.cache.denial_cache import DenialCache
from holdfast.cache.ds_agreements import DsAgreements
from holdfast.cache.failure_cache import FailureCache
from holdfast.cache.key_cache import KeyCache
from holdfast.cache.negative_cache import NegativeCache
from holdfast.cache.rrset_cache import RRsetCache
from holdfast.cache.second_level import SecondLevelCache
from holdfast.cache.server_cache import ServerCache
from holdfast.cache.stale_cut import StaleCuts
from holdfast.cache.stale_questions import StaleQuestions
from holdfast.cache.zone_health import ZoneHealthTable
from holdfast.cache.zone_soa import SoaTable
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.negative_trust_anchors import NegativeTrustAnchors
from holdfast.dnssec.trust_anchor import TrustAnchor
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.resolve.error_report import ErrorReports
from holdfast.resolve.shadow_book import ShadowBook
from holdfast.resolve.task import RequestBudget, Task
from holdfast.resolve.timers import Timers


class ResolverState:
    """The shared state; owned by the engine, handed to every task."""

    def __init__(self, settings: EngineSettings, verifier: SignatureVerifier, entropy: Entropy) -> None:
        self.settings: Final = settings
        self.verifier: Final = verifier
        self.entropy: Final = entropy
        self.audiences: Final = Audiences(settings)
        self.policy: Final = AlgorithmPolicy(settings.enabled_algorithms, settings.enabled_digests)
        octets = settings.cache_bytes
        self.rrsets: Final = RRsetCache(octets * 3 // 8)
        self.negatives: Final = NegativeCache(octets // 8)
        self.failures: Final = FailureCache(octets // 32)
        self.trust: Final = KeyCache(octets // 8)
        self.delegations: Final = DelegationCache(octets // 16)
        self.denials: Final = DenialCache(settings.nsec3_iterations_limit, octets // 32)
        self.soas: Final = SoaTable()
        self.servers: Final = ServerCache()
        self.reports: Final = ErrorReports()
        self.bad_signatures: Final = BadSignatures()
        self.broken: Final = BrokenZones()
        self.health: Final = ZoneHealthTable()
        self.unwatched: Final = ZoneHealthTable()  # takes the verdicts that nobody looks at
        self.cuts: Final = StaleCuts()
        self.agreements: Final = DsAgreements()
        self.stale_questions: Final = StaleQuestions()
        self.shadows: Final = ShadowBook()
        self.root_answered = False  # no root server has been heard since the start
        self.second_level: SecondLevelCache | None = None
        self.forgotten: Final[dict[bytes, int]] = {}  # zones dropped from the second level, and when (monotonic)
        self.anchors: Final[dict[bytes, TrustAnchor]] = {}
        for setting in settings.trust_anchors:
            self.anchors[setting.zone] = TrustAnchor(setting)
        self.negative_anchors: Final = NegativeTrustAnchors(settings.insecure_zones, self.anchors)
        # By audience, octets that differ where override rules do (holdfast.service.override_rules).
        self.rule_treatments: list[bytes] = [b""] * len(self.audiences.all)
        self.policy_epoch = 0  # one more with each trust decision: part of the key of whole answers
        self.running: Final[dict[bytes, Task]] = {}
        self.ready: list[Task] = []
        self.timers: Final = Timers()
        self.effects: list[Effect] = []
        self.counters: Final[dict[str, int]] = {}

    def health_for(self, budget: RequestBudget) -> ZoneHealthTable:
        """Return where verdicts on zones are noted: what is judged in a shadow is no client's experience."""
        return self.unwatched if budget.is_shadow else self.health

    def count(self, name: str) -> None:
        """Add one to a counter."""
        self.counters[name] = self.counters.get(name, 0) + 1

    def record(self, kind: str, subject: str, detail: str) -> None:
        """Emit a journal record."""
        self.effects.append(Record(kind, subject, detail, None))

    def wake(self, task: Task) -> None:
        """Let a task run its next step soon."""
        if not task.queued and not task.done:
            task.queued = True
            self.ready.append(task)

    def run_ready(self, now: Instant) -> None:
        """Run steps until every task waits for something."""
        while self.ready:
            batch = self.ready
            self.ready = []
            for task in batch:
                task.queued = False
                if not task.done:
                    task.step(now)

    def finish(self, task: Task) -> None:
        """Mark a task as done and wake those who wait for it."""
        task.done = True
        if self.running.get(task.key) is task:
            del self.running[task.key]
        waiters = task.waiters
        task.waiters = []
        for waiter in waiters:
            self.wake(waiter)

    def validation_time_s(self, now: Instant) -> int:
        """Return the time that signature windows are judged by; -1: do not judge them."""
        if not self.settings.check_signature_times:
            return -1
        if self.settings.fixed_validation_time_s >= 0:
            return self.settings.fixed_validation_time_s
        return now.wall_s
