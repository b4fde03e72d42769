"""Looking after a trust anchor while the resolver runs: key rollovers (RFC 5011) and signalling (RFC 8145).

The zone's DNSKEY RRset is fetched again and again, at the times of RFC 5011 section 2.3, whether clients ask or not. A
failed look leaves everything as it was. Once the keys were validated, and then daily, the zone's servers get a question
whose name holds the trusted key tags; nobody waits for its answer.
"""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.limits import ANCHOR_SIGNAL_INTERVAL_US, ANCHOR_SIGNAL_KEY_TAGS
from holdfast.base.security_status import SECURE
from holdfast.cache.key_cache import ZoneTrust
from holdfast.dns.iana import TYPE_NULL
from holdfast.dns.rdata import parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.signature_time import seconds_between
from holdfast.dnssec.trust_anchor import TrustAnchor, next_refresh_s
from holdfast.resolve.pending import PendingTrust, TaskSource
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget, Task
from holdfast.resolve.timers import Timer

_LABEL_START: Final = b"_ta"


class AnchorTimer(Timer):
    """Time to look at the keys again."""

    def __init__(self, watch: "AnchorWatch", deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.watch: Final = watch

    def fire(self, now: Instant) -> None:
        """Look."""
        self.watch.probe(now)


class SignalTimer(Timer):
    """Time to tell the zone's servers again."""

    def __init__(self, watch: "AnchorWatch", deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.watch: Final = watch

    def fire(self, now: Instant) -> None:
        """Tell them."""
        self.watch.signal(now)


class AnchorTask(Task):
    """One look at the keys; the state machine sees them on the way, this only waits to plan the next look."""

    def __init__(self, watch: "AnchorWatch", key: bytes) -> None:
        super().__init__(key, RequestBudget(), 0)
        self.watch: Final = watch
        self.pending: PendingTrust | None = None

    def step(self, now: Instant) -> None:
        """Start, or take the result."""
        pending = self.pending
        if pending is None:
            pending = self.watch.source.probe_keys(self.watch.anchor.zone, self.budget, now)
            self.pending = pending
            if not pending.done:
                self.wait_for(pending)
        if pending.done:
            self.watch.plan(pending.trust, now)
            self.watch.state.finish(self)


class AnchorWatch:
    """The watch over one trust anchor."""

    def __init__(self, state: ResolverState, source: TaskSource, anchor: TrustAnchor) -> None:
        self.state: Final = state
        self.source: Final = source
        self.anchor: Final = anchor
        self.ttl_s = 0  # of the DNSKEY RRset when it was last validated, and how long it was signed for
        self.signed_s = 0
        self.signalling = False
        self.ended = False

    def end(self) -> None:
        """Look no more: another watch takes over, or nobody trusts the zone's keys any longer."""
        self.ended = True

    def start(self, now: Instant) -> None:
        """Look at the keys as soon as time goes on, if their rollovers are to be followed."""
        if self.anchor.tracked and not self.anchor.deleted():
            self.state.timers.add(AnchorTimer(self, now.monotonic_us))

    def probe(self, now: Instant) -> None:
        """Fetch and validate the keys anew."""
        if self.ended:
            return
        key = b"w" + self.anchor.zone
        if key not in self.state.running:
            task = AnchorTask(self, key)
            self.state.running[key] = task
            self.state.wake(task)

    def plan(self, trust: ZoneTrust | None, now: Instant) -> None:
        """Choose the time of the next look (RFC 5011 section 2.3); a zone whose keys were all revoked needs none."""
        if self.ended or self.anchor.deleted():
            return
        failed = trust is None or trust.status != SECURE or trust.dnskey is None
        if trust is not None and trust.dnskey is not None and not failed:
            self.ttl_s = trust.dnskey.ttl
            self.signed_s = _signed_s(trust.dnskey, self.state.validation_time_s(now))
        if failed:
            self.anchor.note_failure(now.wall_s)
        interval_s = next_refresh_s(self.ttl_s, self.signed_s, failed)
        self.state.timers.add(AnchorTimer(self, now.monotonic_us + interval_s * 1_000_000))

    def note_validated(self, now: Instant) -> None:
        """The zone's keys were fetched and are good: from now on its servers are told once a day."""
        if self.state.settings.signal_trust_anchors and not self.signalling:
            self.signalling = True
            self.signal(now)

    def signal(self, now: Instant) -> None:
        """Ask for ``_ta-`` with the trusted key tags, type NULL (RFC 8145 section 5.1), past all caches (5.2.1)."""
        if self.ended:
            return
        label = _LABEL_START
        for key_tag in self.anchor.trusted_key_tags()[:ANCHOR_SIGNAL_KEY_TAGS]:
            label += b"-%04x" % key_tag
        if label != _LABEL_START:
            name = bytes((len(label),)) + label + self.anchor.zone
            if len(name) <= 255:
                self.state.count("trust_anchor_signals")
                self.source.fetch(name, TYPE_NULL, RequestBudget(), 0, [], now)
        self.state.timers.add(SignalTimer(self, now.monotonic_us + ANCHOR_SIGNAL_INTERVAL_US))


def _signed_s(dnskeys: RRset, validation_time_s: int) -> int:
    """Return for how many more seconds an RRset is signed; its TTL if nobody judges times."""
    if validation_time_s < 0:
        return dnskeys.ttl
    longest = 0
    for rdata in dnskeys.signatures:
        rrsig = parse_rrsig(rdata)
        if rrsig is not None:
            longest = max(longest, seconds_between(validation_time_s, rrsig.expiration))
    return longest
