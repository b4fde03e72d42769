"""RDATA: expanding compressed names, the canonical form, and views of the types that a validator looks into."""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.dns import iana
from holdfast.dns.reader import name_end, read_name, u16, u32


class _NameLayout:
    """Where the names in an RDATA are: after ``prefix`` octets ``names`` of them, then a tail of bounded size."""

    def __init__(self, prefix: int, names: int, tail_minimum: int, tail_maximum: int, lower_cased: bool = True) -> None:
        self.prefix: Final = prefix
        self.names: Final = names
        self.tail_minimum: Final = tail_minimum
        self.tail_maximum: Final = tail_maximum
        self.lower_cased: Final = lower_cased  # in the canonical form


_REST: Final = 0xFFFF
_COMPUTED: Final = -1  # the names come after fields of variable size
_ONE_NAME: Final = _NameLayout(0, 1, 0, 0)
_TWO_NAMES: Final = _NameLayout(0, 2, 0, 0)
_PREFERENCE_NAME: Final = _NameLayout(2, 1, 0, 0)
_SIGNATURE: Final = _NameLayout(18, 1, 1, _REST)

# Types with names that may arrive compressed (RFC 1035, 3597 section 4), and those of RFC 4034 section 6.2. NSEC is not
# lower-cased (RFC 6840 section 5.1); types defined after RFC 3597 are opaque.
_LAYOUTS: Final[dict[int, _NameLayout]] = {
    iana.TYPE_NS: _ONE_NAME,
    iana.TYPE_MD: _ONE_NAME,
    iana.TYPE_MF: _ONE_NAME,
    iana.TYPE_CNAME: _ONE_NAME,
    iana.TYPE_SOA: _NameLayout(0, 2, 20, 20),
    iana.TYPE_MB: _ONE_NAME,
    iana.TYPE_MG: _ONE_NAME,
    iana.TYPE_MR: _ONE_NAME,
    iana.TYPE_PTR: _ONE_NAME,
    iana.TYPE_MINFO: _TWO_NAMES,
    iana.TYPE_MX: _PREFERENCE_NAME,
    iana.TYPE_RP: _TWO_NAMES,
    iana.TYPE_AFSDB: _PREFERENCE_NAME,
    iana.TYPE_RT: _PREFERENCE_NAME,
    iana.TYPE_SIG: _SIGNATURE,
    iana.TYPE_PX: _NameLayout(2, 2, 0, 0),
    iana.TYPE_NXT: _NameLayout(0, 1, 0, _REST),
    iana.TYPE_SRV: _NameLayout(6, 1, 0, 0),
    iana.TYPE_NAPTR: _NameLayout(_COMPUTED, 1, 0, 0),
    iana.TYPE_KX: _PREFERENCE_NAME,
    iana.TYPE_A6: _NameLayout(_COMPUTED, 1, 0, 0),
    iana.TYPE_DNAME: _ONE_NAME,
    iana.TYPE_RRSIG: _SIGNATURE,
    iana.TYPE_NSEC: _NameLayout(0, 1, 0, _REST, lower_cased=False),
}


def decompress(message: bytes, rtype: int, start: int, length: int) -> bytes | None:
    """Return the RDATA at ``start`` of ``message`` with its names expanded, their case kept; None if malformed.

    The caller makes sure that ``length`` octets are there. Types that the resolver does not look into are opaque.
    """
    end = start + length
    if rtype == iana.TYPE_A:
        return message[start:end] if length == 4 else None
    if rtype == iana.TYPE_AAAA:
        return message[start:end] if length == 16 else None
    layout = _LAYOUTS.get(rtype)
    if layout is None:
        rdata = message[start:end]
        return rdata if _fields_fit(rtype, rdata) else None
    expanded = _expand(message, rtype, layout, start, end)
    if rtype == iana.TYPE_NSEC and expanded is not None and parse_nsec(expanded) is None:
        return None
    return expanded


def _expand(message: bytes, rtype: int, layout: _NameLayout, start: int, end: int) -> bytes | None:
    offset = _first_name(message, rtype, layout, start, end)
    if offset < 0:
        return None
    prefix_end = offset
    first, offset = read_name(message, offset, end)
    if offset < 0 or not first:
        return None
    names = first
    if layout.names == 2:
        second, offset = read_name(message, offset, end)
        if offset < 0 or not second:
            return None
        names += second
    if not layout.tail_minimum <= end - offset <= layout.tail_maximum:
        return None
    if len(names) == offset - prefix_end:
        return message[start:end]
    return message[start:prefix_end] + names + message[offset:end]


def _first_name(wire: bytes, rtype: int, layout: _NameLayout, start: int, end: int) -> int:
    """Return the offset of the first name of an RDATA; -1 if the fields before it do not fit."""
    if layout.prefix >= 0:
        offset = start + layout.prefix
    elif rtype == iana.TYPE_NAPTR:  # two numbers and three character strings (RFC 3403 section 4.1)
        offset = start + 4
        for _ in range(3):
            if offset >= end:
                return -1
            offset += wire[offset] + 1
    else:  # A6: prefix length and what of the address is not in it (RFC 2874 section 3.1)
        if start >= end or wire[start] > 128:
            return -1
        offset = start + 1 + (128 - wire[start] + 7) // 8
        if wire[start] == 0:
            return -1
    return offset if offset < end else -1


def _fields_fit(rtype: int, rdata: bytes) -> bool:
    if rtype in (iana.TYPE_DS, iana.TYPE_DNSKEY, iana.TYPE_CDS, iana.TYPE_CDNSKEY, iana.TYPE_DLV):
        return len(rdata) >= 5
    if rtype == iana.TYPE_NSEC3:
        return parse_nsec3(rdata) is not None
    if rtype == iana.TYPE_NSEC3PARAM:
        return len(rdata) >= 5 and len(rdata) == 5 + rdata[4]
    return True


def canonical(rtype: int, rdata: bytes) -> bytes:
    """Return the canonical form of uncompressed RDATA (RFC 4034 section 6.2 as corrected by RFC 6840 section 5.1)."""
    layout = _LAYOUTS.get(rtype)
    if layout is None or not layout.lower_cased:
        return rdata
    start = _first_name(rdata, rtype, layout, 0, len(rdata))
    end = start
    for _ in range(layout.names):
        if end >= 0:
            end = name_end(rdata, end, len(rdata))
    if end < 0:
        return rdata
    return rdata[:start] + rdata[start:end].lower() + rdata[end:]


def rdata_name(rtype: int, rdata: bytes) -> bytes:
    """Return the lower-cased name that an NS, CNAME, DNAME, PTR, MX or SRV record leads to."""
    if rtype == iana.TYPE_MX:
        return rdata[2:].lower()
    if rtype == iana.TYPE_SRV:
        return rdata[6:].lower()
    return rdata.lower()


@mypyc_attr(acyclic=True)
class RRSIG:
    """A signature over an RRset (RFC 4034 section 3.1).

    ``signer`` is lower-cased; ``expiration`` and ``inception`` are 32-bit serial numbers of POSIX seconds;
    ``rdata_prefix`` is what of this RDATA the signature covers: all before the signature, in canonical form.
    """

    def __init__(self, rdata: bytes, signer_end: int) -> None:
        signer = rdata[18:signer_end].lower()
        self.type_covered: Final = u16(rdata, 0)
        self.algorithm: Final[int] = rdata[2]
        self.labels: Final[int] = rdata[3]
        self.original_ttl: Final = u32(rdata, 4)
        self.expiration: Final = u32(rdata, 8)
        self.inception: Final = u32(rdata, 12)
        self.key_tag: Final = u16(rdata, 16)
        self.signer: Final = signer
        self.signature: Final = rdata[signer_end:]
        self.rdata_prefix: Final = rdata[:18] + signer


def parse_rrsig(rdata: bytes) -> RRSIG | None:
    """Return the view of an RRSIG RDATA; None if malformed."""
    size = len(rdata)
    end = name_end(rdata, 18, size)
    return RRSIG(rdata, end) if 0 < end < size else None


@mypyc_attr(acyclic=True)
class DS:
    """A delegation signer record (RFC 4034 section 5.1)."""

    def __init__(self, rdata: bytes) -> None:
        self.key_tag: Final = u16(rdata, 0)
        self.algorithm: Final[int] = rdata[2]
        self.digest_type: Final[int] = rdata[3]
        self.digest: Final = rdata[4:]


def parse_ds(rdata: bytes) -> DS | None:
    """Return the view of a DS (or CDS, DLV) RDATA; None if malformed."""
    return DS(rdata) if len(rdata) >= 5 else None


@mypyc_attr(acyclic=True)
class DNSKEY:
    """A zone's public key (RFC 4034 section 2.1)."""

    def __init__(self, rdata: bytes) -> None:
        self.flags: Final = u16(rdata, 0)
        self.protocol: Final[int] = rdata[2]
        self.algorithm: Final[int] = rdata[3]
        self.public_key: Final = rdata[4:]
        self.key_tag: Final = key_tag(rdata)
        self.rdata: Final = rdata


def parse_dnskey(rdata: bytes) -> DNSKEY | None:
    """Return the view of a DNSKEY (or CDNSKEY) RDATA; None if malformed."""
    return DNSKEY(rdata) if len(rdata) >= 5 else None


def key_tag(rdata: bytes) -> int:
    """Return the key tag of a DNSKEY RDATA of at least five octets (RFC 4034 appendix B)."""
    size = len(rdata)
    if rdata[3] == iana.ALGORITHM_RSAMD5:
        return rdata[size - 3] << 8 | rdata[size - 2]
    total = 0
    for offset in range(0, size - 1, 2):
        total += rdata[offset] << 8 | rdata[offset + 1]
    if size & 1:
        total += rdata[size - 1] << 8
    return (total + (total >> 16)) & 0xFFFF


@mypyc_attr(acyclic=True)
class NSEC:
    """A link of the chain of names (RFC 4034 section 4.1); ``next_name`` is lower-cased."""

    def __init__(self, next_name: bytes, bitmap: bytes) -> None:
        self.next_name: Final = next_name
        self.bitmap: Final = bitmap


def parse_nsec(rdata: bytes) -> NSEC | None:
    """Return the view of an NSEC RDATA; None if malformed."""
    end = name_end(rdata, 0, len(rdata))
    if end < 0 or not bitmap_well_formed(rdata, end):
        return None
    return NSEC(rdata[:end].lower(), rdata[end:])


@mypyc_attr(acyclic=True)
class NSEC3:
    """A link of the chain of hashed names (RFC 5155 section 3.1); ``next_hash`` is binary."""

    def __init__(self, rdata: bytes, salt_end: int, hash_end: int) -> None:
        self.hash_algorithm: Final[int] = rdata[0]
        self.flags: Final[int] = rdata[1]
        self.iterations: Final = u16(rdata, 2)
        self.salt: Final = rdata[5:salt_end]
        self.next_hash: Final = rdata[salt_end + 1 : hash_end]
        self.bitmap: Final = rdata[hash_end:]


def parse_nsec3(rdata: bytes) -> NSEC3 | None:
    """Return the view of an NSEC3 RDATA; None if malformed."""
    size = len(rdata)
    if size < 5:
        return None
    salt_end = 5 + rdata[4]
    if salt_end >= size or rdata[salt_end] == 0:
        return None
    hash_end = salt_end + 1 + rdata[salt_end]
    if hash_end > size or not bitmap_well_formed(rdata, hash_end):
        return None
    return NSEC3(rdata, salt_end, hash_end)


@mypyc_attr(acyclic=True)
class SOA:
    """The start of a zone (RFC 1035 section 3.3.13); names lower-cased, times in seconds."""

    def __init__(self, rdata: bytes, mname_end: int, rname_end: int) -> None:
        self.mname: Final = rdata[:mname_end].lower()
        self.rname: Final = rdata[mname_end:rname_end].lower()
        self.serial: Final = u32(rdata, rname_end)
        self.refresh: Final = u32(rdata, rname_end + 4)
        self.retry: Final = u32(rdata, rname_end + 8)
        self.expire: Final = u32(rdata, rname_end + 12)
        self.minimum: Final = u32(rdata, rname_end + 16)


def parse_soa(rdata: bytes) -> SOA | None:
    """Return the view of an SOA RDATA; None if malformed."""
    size = len(rdata)
    mname_end = name_end(rdata, 0, size)
    if mname_end < 0:
        return None
    rname_end = name_end(rdata, mname_end, size)
    return SOA(rdata, mname_end, rname_end) if rname_end > 0 and size - rname_end == 20 else None


def bitmap_well_formed(wire: bytes, offset: int) -> bool:
    """Say whether ``wire`` from ``offset`` to its end is a type bitmap: rising windows of 1 to 32 octets."""
    size = len(wire)
    window = -1
    while offset < size:
        if offset + 2 >= size or wire[offset] <= window or not 0 < wire[offset + 1] <= 32:
            return False
        window = wire[offset]
        offset += 2 + wire[offset + 1]
    return offset == size


def bitmap_has(bitmap: bytes, rtype: int) -> bool:
    """Say whether the type is in the bitmap of an NSEC or NSEC3 (RFC 4034 section 4.1.2)."""
    size = len(bitmap)
    window = rtype >> 8
    octet = (rtype & 0xFF) >> 3
    offset = 0
    while offset + 2 < size:
        length = bitmap[offset + 1]
        if bitmap[offset] == window:
            if octet >= length or offset + 2 + octet >= size:
                return False
            return bitmap[offset + 2 + octet] & (0x80 >> (rtype & 7)) != 0
        offset += 2 + length
    return False


def bitmap_types(bitmap: bytes) -> list[int]:
    """Return the types in a bitmap, rising."""
    types: list[int] = []
    offset = 0
    while offset + 2 < len(bitmap):
        length = bitmap[offset + 1]
        base = bitmap[offset] << 8
        for position, octet in enumerate(bitmap[offset + 2 : offset + 2 + length]):
            for bit in range(8):
                if octet & (0x80 >> bit):
                    types.append(base + position * 8 + bit)
        offset += 2 + length
    return types
