"""Writing messages, with name compression (RFC 1035 section 4.1.4)."""

from typing import Final

from holdfast.dns.edns import EdnsOption
from holdfast.dns.iana import CLASS_IN, TYPE_CNAME, TYPE_MX, TYPE_NS, TYPE_OPT, TYPE_PTR, TYPE_RRSIG, TYPE_SOA
from holdfast.dns.reader import HEADER_OCTETS
from holdfast.dns.rrset import RRset

POINTER_LIMIT: Final = 0x3FFF  # a compression pointer has 14 bits
DO_BIT: Final = 0x80


class MessageWriter:
    """Builds one message of at most ``limit`` octets. Sections have to be written in order."""

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.out: bytearray = bytearray(HEADER_OCTETS)
        self.counts: list[int] = [0, 0, 0, 0]
        self.offsets: dict[bytes, int] = {}
        self.ttl_offsets: list[int] = []
        self.reserved: int = 0
        self.rclass: int = CLASS_IN

    def reserve(self, octets: int) -> None:
        """Keep room for the OPT record."""
        self.reserved = octets

    def header(self, message_id: int, flags: int) -> None:
        """Write ID and flags."""
        out = self.out
        out[0] = message_id >> 8
        out[1] = message_id & 255
        out[2] = flags >> 8
        out[3] = flags & 255

    def question(self, qname_wire: bytes, qtype: int, qclass: int) -> None:
        """Write the question, its letter case kept."""
        self.rclass = qclass
        self.remember(qname_wire.lower(), len(self.out))
        self.out += qname_wire
        self.put_u16(qtype)
        self.put_u16(qclass)
        self.counts[0] += 1

    def rrset(self, section: int, rrset: RRset, ttl: int, with_signatures: bool) -> bool:
        """Write an RRset to ``section`` (1 answer, 2 authority, 3 additional) as a whole; False: it does not fit."""
        start = len(self.out)
        ttls = len(self.ttl_offsets)
        count = 0
        for rdata in rrset.rdatas:
            self.record(rrset.name, rrset.rtype, ttl, rdata)
            count += 1
        if with_signatures:
            for rdata in rrset.signatures:
                self.record(rrset.name, TYPE_RRSIG, ttl, rdata)
                count += 1
        if len(self.out) + self.reserved > self.limit:
            del self.out[start:]
            del self.ttl_offsets[ttls:]
            return False
        self.counts[section] += count
        return True

    def record(self, owner: bytes, rtype: int, ttl: int, rdata: bytes) -> None:
        """Write one record."""
        out = self.out
        self.name(owner)
        at = len(out)
        self.ttl_offsets.append(at + 4)
        out += bytes(
            [
                rtype >> 8,
                rtype & 255,
                0,
                self.rclass,
                (ttl >> 24) & 255,
                (ttl >> 16) & 255,
                (ttl >> 8) & 255,
                ttl & 255,
                0,
                0,
            ]
        )
        if rtype in (TYPE_NS, TYPE_CNAME, TYPE_PTR):
            self.name(rdata)
        elif rtype == TYPE_MX:
            out += rdata[:2]
            self.name(rdata[2:])
        elif rtype == TYPE_SOA:
            first = _name_octets(rdata, 0)
            second = _name_octets(rdata, first)
            self.name(rdata[:first])
            self.name(rdata[first:second])
            out += rdata[second:]
        else:
            out += rdata
        length = len(out) - at - 10
        out[at + 8] = length >> 8
        out[at + 9] = length & 255

    def name(self, name: bytes) -> None:
        """Write a name, its longest known suffix as a pointer. Names are compared without case."""
        out = self.out
        lowered = name.lower()
        at = 0
        while name[at] != 0:
            known = self.offsets.get(lowered[at:] if at else lowered)
            if known is not None:
                out += name[:at]
                out.append(0xC0 | known >> 8)
                out.append(known & 255)
                return
            position = len(out) + at
            if position <= POINTER_LIMIT:
                self.offsets[lowered[at:] if at else lowered] = position
            at += name[at] + 1
        out += name

    def remember(self, lowered: bytes, position: int) -> None:
        """Make a name that stands at ``position``, and its suffixes, targets of pointers."""
        at = 0
        while lowered[at] != 0:
            self.offsets[lowered[at:]] = position + at
            at += lowered[at] + 1

    def opt(self, udp_octets: int, extended_rcode: int, do: bool, options: list[EdnsOption]) -> None:
        """Write the OPT record (RFC 6891 section 6.1.2)."""
        self.reserved = 0
        self.out += opt_record(udp_octets, extended_rcode, do, options)
        self.counts[3] += 1

    def put_u16(self, number: int) -> None:
        """Write a 16-bit number."""
        self.out.append(number >> 8)
        self.out.append(number & 255)

    def finish(self) -> bytes:
        """Return the message."""
        out = self.out
        at = 4
        for count in self.counts:
            out[at] = count >> 8
            out[at + 1] = count & 255
            at += 2
        return bytes(out)


def _name_octets(wire: bytes, start: int) -> int:
    """Return the offset after the uncompressed name at ``start``."""
    while wire[start] != 0:
        start += wire[start] + 1
    return start + 1


def opt_record(udp_octets: int, extended_rcode: int, do: bool, options: list[EdnsOption]) -> bytes:
    """Return an OPT record on the wire."""
    data = b""
    for option in options:
        size = len(option.data)
        data += bytes([option.code >> 8, option.code & 255, size >> 8, size & 255]) + option.data
    size = len(data)
    fixed = [0, 0, TYPE_OPT, udp_octets >> 8, udp_octets & 255, extended_rcode, 0, DO_BIT if do else 0, 0]
    return bytes(fixed) + bytes([size >> 8, size & 255]) + data


def build_query(
    message_id: int, qname_wire: bytes, qtype: int, flags: int, edns_octets: int, do: bool, options: list[EdnsOption]
) -> bytes:
    """Return a query; ``edns_octets`` 0: without OPT record."""
    header = bytes(
        [message_id >> 8, message_id & 255, flags >> 8, flags & 255, 0, 1, 0, 0, 0, 0, 0, 1 if edns_octets else 0]
    )
    wire = header + qname_wire + bytes([qtype >> 8, qtype & 255, 0, CLASS_IN])
    if edns_octets:
        return wire + opt_record(edns_octets, 0, do, options)
    return wire
