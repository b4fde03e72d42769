"""All negative trust anchors in force, and who sees which of them.

The zones that the configuration calls insecure are seen by everybody, always. Those of run time, and those that
override rules make, are seen as their scopes say, by audience and type of the question.
"""

from typing import Final

from holdfast.base.audience import Audience
from holdfast.base.instant import FOREVER_S
from holdfast.dns.iana import TYPE_DS
from holdfast.dns.name import ROOT, is_subdomain, parent
from holdfast.dnssec.anchor_scope import WIDE
from holdfast.dnssec.negative_trust_anchor import CONFIGURED, NegativeTrustAnchor
from holdfast.dnssec.trust_anchor import TrustAnchor
from holdfast.dnssec.trust_view import PLAIN_VIEW, TrustView

NOTHING: Final[list[NegativeTrustAnchor]] = []  # the usual case costs no allocation
VIEWS: Final = 100  # remembered at a time; a few anchors with a few scopes make a handful
ASKERS_REMEMBERED: Final = 10_000  # pairs of audience and type whose view is known


class NegativeTrustAnchors:
    """The records by zone; ``positive`` are the trust anchors, whose zones are validated again."""

    def __init__(self, configured: list[bytes], positive: dict[bytes, TrustAnchor]) -> None:
        self.configured: Final[dict[bytes, NegativeTrustAnchor]] = {}
        self.temporary: Final[dict[bytes, NegativeTrustAnchor]] = {}
        self.of_rules: list[NegativeTrustAnchor] = []  # of one zone there may be several; they count before the others
        self.positive: Final = positive
        self.views: Final[list[TrustView]] = []
        self.known: Final[dict[int, TrustView]] = {}  # audience number << 16 | type
        self.views_made = 0
        for zone in configured:
            anchor = NegativeTrustAnchor(zone, CONFIGURED, CONFIGURED, 0, FOREVER_S, WIDE)
            anchor.configured = True
            self.configured[zone] = anchor

    def all(self) -> list[NegativeTrustAnchor]:
        """Return every record."""
        return [*self.configured.values(), *self.scoped()]

    def scoped(self) -> list[NegativeTrustAnchor]:
        """Return every record that not everybody need see; where two are at one zone, the later one counts."""
        return [*self.temporary.values(), *self.of_rules]

    def get(self, zone: bytes) -> NegativeTrustAnchor | None:
        """Return the temporary one of exactly this zone."""
        return self.temporary.get(zone)

    def is_in_force(self, anchor: NegativeTrustAnchor) -> bool:
        """Tell whether one that a view has still counts for those who begin now."""
        return self.temporary.get(anchor.zone) is anchor or anchor in self.of_rules

    def put(self, anchor: NegativeTrustAnchor) -> None:
        """Put a temporary one in force, in place of an earlier one of its zone."""
        self.temporary[anchor.zone] = anchor
        self.forget_views()

    def remove(self, zone: bytes) -> bool:
        """Take a temporary one away; False: there is none."""
        removed = self.temporary.pop(zone, None) is not None
        self.forget_views()
        return removed

    def put_rules(self, anchors: list[NegativeTrustAnchor]) -> None:
        """Put those that override rules make in force, in place of the ones before."""
        self.of_rules = anchors
        self.forget_views()

    def forget_views(self) -> None:
        """Who began before goes on with the view that it has; who begins now gets a new one."""
        self.views.clear()
        self.known.clear()

    def view(self, audience: Audience, rtype: int) -> TrustView:
        """Return what an audience sees when it asks for a type."""
        if not self.temporary and not self.of_rules:
            return PLAIN_VIEW
        asker = audience.number << 16 | rtype
        known = self.known.get(asker)
        if known is None:
            if len(self.known) >= ASKERS_REMEMBERED:
                self.known.clear()
            known = self.view_of(
                [anchor for anchor in self.scoped() if anchor.scope.holds_for(audience) and anchor.scope.relaxes(rtype)]
            )
            self.known[asker] = known
        return known

    def view_of(self, anchors: list[NegativeTrustAnchor]) -> TrustView:
        """Return the view of a set of anchors, given in the order in which they are kept."""
        if not anchors:
            return PLAIN_VIEW
        for view in self.views:
            if view.anchors == anchors:
                return view
        if len(self.views) >= VIEWS:
            self.forget_views()
        self.views_made += 1
        made = TrustView(anchors, self.views_made)
        self.views.append(made)
        return made

    def keys(self, name: bytes) -> list[bytes]:
        """Return every key that something about the trust in a name may be kept under."""
        return [name, *[view.prefix + name for view in self.views]]

    def treatment(self, audience: Audience) -> bytes:
        """Return octets that differ between audiences that do not see the same."""
        return bytes([anchor.scope.holds_for(audience) for anchor in self.scoped()])

    def may_let_through(self, name: bytes) -> bool:
        """Tell whether somebody may have been given data of a name that validation does not accept."""
        for zone in self.temporary:
            if is_subdomain(name, zone):
                return True
        return False

    def at(self, zone: bytes, view: TrustView) -> NegativeTrustAnchor | None:
        """Return the one of exactly this zone that a view has."""
        return view.by_zone.get(zone) or self.configured.get(zone)

    def covering(self, name: bytes, rtype: int, view: TrustView) -> list[NegativeTrustAnchor]:
        """Return those that a question is subject to, the closest first."""
        if not view.anchors and not self.configured:
            return NOTHING
        if rtype == TYPE_DS and name != ROOT:
            name = parent(name)
        found: list[NegativeTrustAnchor] = []
        while True:
            anchor = self.at(name, view)
            if anchor is not None:
                found.append(anchor)
            positive = self.positive.get(name)
            if name == ROOT or (positive is not None and not positive.deleted()):
                return found
            name = parent(name)

    def strict_below(self, name: bytes, view: TrustView) -> NegativeTrustAnchor | None:
        """Return the closest one that a name is subject to, if zones below it are validated; None: else."""
        if not view.anchors:
            return None
        covering = self.covering(name, 0, view)
        return covering[0] if covering and covering[0].scope.below_strict else None
