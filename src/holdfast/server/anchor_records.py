"""A trust anchor as people write it: one DS or DNSKEY record of a zone, in the zone file format (RFC 4034)."""

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from holdfast.dns.iana import (
    DNSKEY_FLAG_REVOKE,
    DNSKEY_FLAG_ZONE,
    DNSKEY_PROTOCOL,
    TYPE_DNSKEY,
    TYPE_DS,
    type_name,
    type_number,
)
from holdfast.dns.name import to_text
from holdfast.dns.rdata import parse_dnskey, parse_ds

ANCHOR_TYPES = (TYPE_DS, TYPE_DNSKEY)


def parse_anchor(zone: bytes, text: str) -> tuple[int, bytes]:
    """Return type and RDATA of ``DS 12345 13 2 0123...`` or ``DNSKEY 257 3 13 ...``.

    Raises ValueError with a reason made for users.
    """
    kind, _, rest = text.strip().partition(" ")
    rtype = type_number(kind)
    if rtype not in ANCHOR_TYPES:
        raise ValueError(f'{kind!r} where DS or DNSKEY should be; write "DS 12345 13 2 0123..."')
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rest).to_wire() or b""
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"bad {kind.upper()} record: {error}") from None
    wrong = unusable_anchor(zone, rtype, rdata)
    if wrong:
        raise ValueError(wrong)
    return rtype, rdata


def anchor_text(rtype: int, rdata: bytes) -> str:
    """Return type and RDATA in the form that `parse_anchor` reads."""
    found = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata, 0, len(rdata))
    return f"{type_name(rtype)} {found.to_text()}"


def anchor_key_tag(rtype: int, rdata: bytes) -> int:
    """Return the key tag of a DS or DNSKEY record."""
    key = parse_ds(rdata) if rtype == TYPE_DS else parse_dnskey(rdata)
    return key.key_tag if key is not None else 0


def anchor_algorithm(rtype: int, rdata: bytes) -> int:
    """Return the algorithm of a DS or DNSKEY record."""
    return rdata[2] if rtype == TYPE_DS else rdata[3]


def unusable_anchor(zone: bytes, rtype: int, rdata: bytes) -> str:
    """Say why a record cannot be a trust anchor; "" if it can."""
    if rtype == TYPE_DS:
        return "" if parse_ds(rdata) is not None else f"the DS of {to_text(zone)!r} is malformed"
    key = parse_dnskey(rdata)
    name = to_text(zone)
    if key is None or key.protocol != DNSKEY_PROTOCOL:
        return f"the DNSKEY of {name!r} is not a DNSSEC key (protocol 3)"
    if not key.flags & DNSKEY_FLAG_ZONE:
        return f"the DNSKEY of {name!r} (keytag={key.key_tag}) is not a zone key"
    if key.flags & DNSKEY_FLAG_REVOKE:
        return f"the DNSKEY of {name!r} (keytag={key.key_tag}) is revoked"
    return ""
