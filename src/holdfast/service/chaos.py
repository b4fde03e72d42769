"""The CHAOS class: who the server is, and whom it trusts, for people with `dig CH TXT`."""

from typing import Final

from holdfast.dns.iana import TYPE_ANY, TYPE_TXT
from holdfast.dns.name import to_text
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.resolve.state import ResolverState

CHARACTER_STRING_OCTETS: Final = 255  # of one string in a TXT record (RFC 1035 section 3.3)
VERSION_NAMES: Final = [b"\x07version\x04bind\x00", b"\x07version\x06server\x00"]
IDENTITY_NAMES: Final = [b"\x02id\x06server\x00", b"\x08hostname\x04bind\x00"]
TRUST_ANCHORS: Final = b"\x0btrustanchor\x06server\x00"
NEGATIVE_TRUST_ANCHORS: Final = b"\x13negativetrustanchor\x06server\x00"


def chaos_texts(state: ResolverState, name: bytes, rtype: int) -> list[bytes] | None:
    """Return the TXT RDATA for a CHAOS class question (RFC 4892), one for each anchor; None: refused."""
    if rtype != TYPE_TXT and rtype != TYPE_ANY:
        return None
    if name in VERSION_NAMES:
        return [txt_rdata(state.settings.server_version)] if state.settings.server_version else None
    if name in IDENTITY_NAMES:
        return [txt_rdata(state.settings.server_identity)] if state.settings.server_identity else None
    if name == TRUST_ANCHORS:
        return [txt_rdata(trust_anchor_text(state, zone)) for zone in state.anchors]
    if name == NEGATIVE_TRUST_ANCHORS:
        return [txt_rdata(anchor_text(anchor)) for anchor in state.negative_anchors.all()]
    return None


def trust_anchor_text(state: ResolverState, zone: bytes) -> str:
    """Return a trust anchor as its zone and the tags of the keys that are trusted now."""
    return " ".join([to_text(zone), *[str(tag) for tag in state.anchors[zone].trusted_key_tags()]])


def anchor_text(anchor: NegativeTrustAnchor) -> str:
    """Return a negative trust anchor with what clients may know of its scope."""
    scope = anchor.scope.public_text()
    return f"{anchor.text()} ({scope})" if scope else anchor.text()


def txt_rdata(text: str) -> bytes:
    """Return a text as TXT RDATA, in as many strings as it takes."""
    octets = text.encode("utf-8", "replace")
    rdata = b""
    for start in range(0, len(octets), CHARACTER_STRING_OCTETS):
        part = octets[start : start + CHARACTER_STRING_OCTETS]
        rdata += bytes([len(part)]) + part
    return rdata
