"""The root key sentinel (RFC 8509): clients learn from special names which keys of the root a validator trusts.

The leftmost label of a question for A or AAAA claims that the root key with a key tag is a trust anchor, or that it is
not. A secure answer is given if the claim is true; if it is false, the answer is SERVFAIL.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.dns.iana import EDE_DNSSEC_BOGUS, TYPE_A, TYPE_AAAA, decimal
from holdfast.dnssec.trust_anchor import TrustAnchor

_IS_ANCHOR: Final = b"\x1droot-key-sentinel-is-ta-"  # the label goes on with the key tag in five digits
_NOT_ANCHOR: Final = b"\x1eroot-key-sentinel-not-ta-"
_DIGITS: Final = 5
_KEY_TAG_MAXIMUM: Final = 0xFFFF


def refuted_claim(name: bytes, rtype: int, root_anchor: TrustAnchor | None) -> Cause | None:
    """Return why a secure answer must become SERVFAIL: the claim in ``name`` (lower-case wire format) is false.

    None for true claims and for all other questions. ``root_anchor`` None: the root has no trust anchor.
    """
    if name.startswith(_IS_ANCHOR):
        claimed = True
        start = len(_IS_ANCHOR)
    elif name.startswith(_NOT_ANCHOR):
        claimed = False
        start = len(_NOT_ANCHOR)
    else:
        return None
    if rtype != TYPE_A and rtype != TYPE_AAAA:
        return None
    key_tag = decimal(name[start : start + _DIGITS].decode("latin-1"), _KEY_TAG_MAXIMUM)
    if key_tag < 0:
        return None
    trusted = root_anchor is not None and key_tag in root_anchor.trusted_key_tags()
    if trusted == claimed:
        return None
    text = f"root key sentinel: the root key with keytag={key_tag} is {'a' if trusted else 'no'} trust anchor here"
    return Cause(EDE_DNSSEC_BOGUS, text, "sentinel.refuted")
