"""What one request sees of the negative trust anchors that were put in force at run time.

Scopes make the same name trusted in several ways at once: let through for some clients and types, validated for others.
A view is the set of anchors that a request sees, and never changes; everything that a request causes has its view.
What depends on the trust in a name (the trust itself, failures, tasks that others may join) is kept under
``view.key(name)``: the plain name where no anchor of the view covers it, so that views share what they have in common.

Data needs no view: what an anchor lets through is kept unchecked, and who does not see the anchor judges it.
"""

from typing import Final

from holdfast.dns.name import is_subdomain
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor

PREFIX_LABEL_OCTETS: Final = 64  # no label of a name is that long, so no name is taken for a key and no key for a name


class TrustView:
    """The anchors that are seen. ``number`` is no other view's, 0: nothing is seen."""

    def __init__(self, anchors: list[NegativeTrustAnchor], number: int) -> None:
        self.anchors: Final = anchors
        self.by_zone: Final[dict[bytes, NegativeTrustAnchor]] = {anchor.zone: anchor for anchor in anchors}
        # A label in front, so that keys are below the zones that the name is in.
        self.prefix: Final = bytes([PREFIX_LABEL_OCTETS]) + number.to_bytes(PREFIX_LABEL_OCTETS, "big")

    def key(self, name: bytes) -> bytes:
        """Return the key of what depends on the trust in a name."""
        for anchor in self.anchors:
            if is_subdomain(name, anchor.zone):
                return self.prefix + name
        return name


PLAIN_VIEW: Final = TrustView([], 0)
