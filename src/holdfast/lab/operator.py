"""The people beside a virtual resolver: its detector watches, its pages arrive or not, and an operator acts on them."""

from dataclasses import dataclass
from functools import partial

from holdfast.base.limits import EDNS_BUFFER_OCTETS
from holdfast.dns.iana import FLAG_RD, RCODE_SERVFAIL, TYPE_A
from holdfast.dns.name import is_subdomain, to_text
from holdfast.dns.writer import build_query
from holdfast.dnssec.anchor_scope import WIDE
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.lab.simulation import SECOND_US, Event, SimulatedNetwork, VirtualClock, VirtualResolver
from holdfast.lab.timeline import APPROVAL_S, NTA_ADD, Timeline
from holdfast.lab.world import World
from holdfast.sentinel.detector import Detector
from holdfast.sentinel.incident import Incident
from holdfast.sentinel.observation import observations
from holdfast.sentinel.paging import BEFORE_END_S, Page, Paging
from holdfast.sentinel.proposal import Proposal
from holdfast.sentinel.suspicion import LOOK_S

AUTHOR = "operator"
CHECKER = b"\x7f\x00\x00\x01"  # the client address of a resolver with an empty cache and no anchor ...
CHECK_S = 20  # ... which is given so long to find out whether a zone validates
DETECTED, OVER, PAGED, LOST, ANCHORED, REMOVED = (
    "detected",
    "over",
    "paged",
    "page lost",
    "negative trust anchor",
    "anchor removed",
)
CHECKED = "checked"


@dataclass(frozen=True)
class Moment:
    """Something that happened beside the packets: when (POSIX seconds), what kind, and a line about it."""

    at_s: int
    kind: str
    text: str


class Watch:
    """Detector, pager and operator of one resolver in one world; ``story`` is what they did."""

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        network: SimulatedNetwork,
        resolver: VirtualResolver,
        timeline: Timeline,
    ) -> None:
        self.detector = Detector()
        self.story: list[Moment] = []
        self._world = world
        self._clock = clock
        self._network = network
        self._resolver = resolver
        self._timeline = timeline
        self._paging = Paging(self._page)
        self._anchors: dict[bytes, int] = {}  # zone, and until when
        self._placed: dict[bytes, Proposal] = {}  # which of them were proposed
        outage = world.outage
        for step in timeline.fixed():
            act = partial(self._put, None) if step.do == NTA_ADD else partial(self._remove, world.subject)
            clock.plan(clock.at(step.moment_s(outage.broken_s, outage.healed_s)), act)
        self._plan(LOOK_S, self._look)

    def _plan(self, delay_s: int, event: Event) -> None:
        self._clock.plan(self._clock.now_us + delay_s * SECOND_US, event)

    def _look(self) -> None:
        """Let the detector look, and call people if need be."""
        now_s = self._now_s()
        seen = observations(self._resolver.engine.take_health())
        for incident in self.detector.look(seen, now_s, self._is_covered):
            self._tell(DETECTED if incident.is_open else OVER, incident.text())
            placed = self._placed.get(incident.zone)
            if not incident.is_open and placed is not None:
                self._plan(APPROVAL_S, partial(self._look_again, incident, placed))
        self._paging.call(self.detector.open_incidents(), self._covered_until, now_s)
        self._plan(LOOK_S, self._look)

    def _is_covered(self, zone: bytes) -> bool:
        return self._covered_until(zone) > self._now_s()

    def _covered_until(self, zone: bytes) -> int:
        return max((end_s for anchored, end_s in self._anchors.items() if is_subdomain(zone, anchored)), default=0)

    def _page(self, page: Page) -> None:
        """A page is sent; whether it arrives is the timeline's business."""
        proposal = page.proposal
        zone = to_text(page.incident.zone)
        text = f"page {page.number}: {zone} is broken, no negative trust anchor would help"
        if proposal is not None:
            hours = proposal.lifetime_s // 3600
            text = f"page {page.number}: negative trust anchor {zone} proposed for {hours} h"
        self._tell(LOST if self._timeline.page_lost else PAGED, text)
        if self._timeline.page_lost or proposal is None:
            return
        approve = partial(self._approve, page.incident, proposal)
        remove = partial(self._remove, proposal.zone)
        for step in self._timeline.after_page():
            self._plan(step.delay_s, approve if step.do == NTA_ADD else remove)

    def _approve(self, incident: Incident, proposal: Proposal) -> None:
        """Do what was proposed, unless it is not needed any more; an anchor is renewed if a check shows the need."""
        until_s = self._covered_until(incident.zone)
        if not incident.is_open or until_s > self._now_s() + BEFORE_END_S:
            return
        if until_s <= self._now_s():
            self._put(proposal)
        else:
            self._look_again(incident, proposal)

    def _look_again(self, incident: Incident, proposal: Proposal) -> None:
        """Find out whether an anchor that was proposed is needed still: when it ends soon, and when all seems well."""
        if proposal.zone not in self._anchors:
            return
        self._tell(CHECKED, f"{to_text(incident.zone)}: is the negative trust anchor still needed?")
        failed: list[bytes] = []
        checker = VirtualResolver(self._clock, self._network, self._world.settings(), self._world.seed)
        for name in incident.examples:
            query = build_query(1, name, TYPE_A, FLAG_RD, EDNS_BUFFER_OCTETS, True, [])
            checker.ask(
                CHECKER, query, lambda answer: failed.append(answer) if answer[3] & 15 == RCODE_SERVFAIL else None
            )
        self._plan(CHECK_S, partial(self._conclude, checker, failed, incident, proposal))

    def _conclude(self, checker: VirtualResolver, failed: list[bytes], incident: Incident, proposal: Proposal) -> None:
        """Renew the anchor, or end it; the zone's own old records, which caches may hold for a day, go as well."""
        self._clock.unwatch(checker)
        if failed:
            self._put(proposal)
            return
        self._tell(CHECKED, f"{to_text(proposal.zone)} is well for a resolver with an empty cache")
        self._resolver.flush(proposal.zone)
        self._remove(proposal.zone)
        self._paging.acknowledge(incident)

    def _put(self, proposal: Proposal | None) -> None:
        now_s = self._now_s()
        outage = self._world.outage
        if proposal is None:
            zone, reason, end_s = self._world.subject, f"{outage.name} fails validation", outage.end_s
        else:
            zone, reason, end_s = proposal.zone, proposal.reason, now_s + proposal.lifetime_s
        scope = proposal.scope if proposal is not None else WIDE  # as there was in 2026
        anchor = NegativeTrustAnchor(zone, reason, AUTHOR, now_s, end_s, scope)
        self._anchors[zone] = end_s
        if proposal is not None:
            self._placed[zone] = proposal
        self._resolver.put_negative_trust_anchor(anchor)
        self._tell(ANCHORED, anchor.text())

    def _remove(self, zone: bytes) -> None:
        if self._anchors.pop(zone, None) is not None:
            self._resolver.remove_negative_trust_anchor(zone)
            self._tell(REMOVED, to_text(zone))

    def _now_s(self) -> int:
        return int(self._clock.wall_s())

    def _tell(self, kind: str, text: str) -> None:
        self.story.append(Moment(self._now_s(), kind, text))
