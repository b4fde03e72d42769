"""Messages (RFC 1035 section 4): what a response says, and the cheap look at a client's question."""

from typing import Final

from holdfast.dns.edns import Edns, parse_edns
from holdfast.dns.iana import CLASS_IN, RCODE_FORMERR, TYPE_OPT, TYPE_RRSIG
from holdfast.dns.rdata import decompress
from holdfast.dns.reader import HEADER_OCTETS, name_end, read_name, u16, u32
from holdfast.dns.rrset import RRset

MESSAGE_RECORDS: Final = 2000  # a 64 KiB message of small records has about 4000; sane ones have less than 200
RRSET_RECORDS: Final = 600  # records of one RRset that are kept; more burdens validation and clients alike
RRSET_SIGNATURES: Final = 16  # RRSIGs of one RRset that are kept: a double rollover needs four
TTL_MAXIMUM_S: Final = 0x7FFFFFFF  # RFC 2181 section 8: a TTL with the highest bit set counts as zero
DROP: Final = -1
FIXED_RECORD_OCTETS: Final = 10  # TYPE, CLASS, TTL, RDLENGTH


class Message:
    """A parsed response. Sections hold RRsets of class IN; ``qname`` is lower-cased, ``qname_wire`` is as received."""

    def __init__(self, message_id: int, flags: int) -> None:
        self.id: Final = message_id
        self.flags: Final = flags
        self.opcode: Final = (flags >> 11) & 15
        self.rcode: int = flags & 15
        self.question_count: int = 0
        self.qname: bytes = b""
        self.qname_wire: bytes = b""
        self.qtype: int = 0
        self.qclass: int = 0
        self.answer: list[RRset] = []
        self.authority: list[RRset] = []
        self.additional: list[RRset] = []
        self.edns: Edns | None = None
        self.malformed_records: int = 0


class Question:
    """The question of a client's query. ``end`` is the offset after it in the wire."""

    def __init__(
        self, message_id: int, flags: int, qname_wire: bytes, qtype: int, qclass: int, end: int, edns: Edns | None
    ) -> None:
        self.id: Final = message_id
        self.flags: Final = flags
        self.opcode: Final = (flags >> 11) & 15
        self.qname_wire: Final = qname_wire
        self.qname: Final = qname_wire.lower()
        self.qtype: Final = qtype
        self.qclass: Final = qclass
        self.end: Final = end
        self.edns: Final = edns


def parse_question(wire: bytes) -> Question | int:
    """Read a query: header, one question, OPT record. Returns an RCODE to answer with, or -1 to drop, if it is none."""
    size = len(wire)
    if size < HEADER_OCTETS:
        return DROP
    flags = u16(wire, 2)
    opcode = (flags >> 11) & 15
    if u16(wire, 4) != 1:
        return RCODE_FORMERR if opcode == 0 else 4
    at = name_end(wire, HEADER_OCTETS, size)
    if at < 0 or at + 4 > size:
        return RCODE_FORMERR
    edns: Edns | None = None
    records = u16(wire, 6) + u16(wire, 8) + u16(wire, 10)
    end = at + 4
    if records:
        position = end
        for _ in range(min(records, MESSAGE_RECORDS)):
            owner, position = read_name(wire, position, size)
            if position < 0 or not owner or position + FIXED_RECORD_OCTETS > size:
                return RCODE_FORMERR
            data = position + FIXED_RECORD_OCTETS
            after = data + u16(wire, position + 8)
            if after > size:
                return RCODE_FORMERR
            if u16(wire, position) == TYPE_OPT:
                if edns is not None or len(owner) != 1:
                    return RCODE_FORMERR  # RFC 6891 section 6.1.1
                edns = parse_edns(wire, position + 2, data, after)
                if edns is None:
                    return RCODE_FORMERR
            position = after
    return Question(u16(wire, 0), flags, wire[HEADER_OCTETS:at], u16(wire, at), u16(wire, at + 2), end, edns)


def parse(wire: bytes) -> Message | None:
    """Parse a response; None if its structure is broken. Records whose RDATA is malformed are left out and counted."""
    size = len(wire)
    if size < HEADER_OCTETS:
        return None
    message = Message(u16(wire, 0), u16(wire, 2))
    message.question_count = u16(wire, 4)
    at = HEADER_OCTETS
    for index in range(message.question_count):
        name, at = read_name(wire, at, size)
        if at < 0 or not name or at + 4 > size or index > 0:
            return None
        message.qname_wire = name
        message.qname = name.lower()
        message.qtype = u16(wire, at)
        message.qclass = u16(wire, at + 2)
        at += 4
    left = MESSAGE_RECORDS
    for section in range(3):
        count = u16(wire, 6 + 2 * section)
        left -= count
        if left < 0:
            return None
        if count == 0:
            continue
        sets = message.answer if section == 0 else message.authority if section == 1 else message.additional
        at = _read_section(wire, at, count, sets, message)
        if at < 0:
            return None if not message.flags & 0x0200 else message
    return message


def _read_section(wire: bytes, at: int, count: int, sets: list[RRset], message: Message) -> int:
    """Read the records of one section into ``sets``; returns the offset after it, -1 if it is broken."""
    size = len(wire)
    known: dict[bytes, RRset] = {}
    for _ in range(count):
        owner, at = read_name(wire, at, size)
        if at < 0 or not owner or at + FIXED_RECORD_OCTETS > size:
            return -1
        rtype = u16(wire, at)
        length = u16(wire, at + 8)
        data = at + FIXED_RECORD_OCTETS
        if data + length > size:
            return -1
        if rtype == TYPE_OPT:
            if message.edns is None:
                message.edns = parse_edns(wire, at + 2, data, data + length)
                if message.edns is not None:
                    message.rcode |= message.edns.extended_rcode << 4
        elif u16(wire, at + 2) == CLASS_IN:
            rdata = decompress(wire, rtype, data, length)
            if rdata is None:
                message.malformed_records += 1
            else:
                ttl = u32(wire, at + 4)
                _add(owner.lower(), rtype, ttl if ttl <= TTL_MAXIMUM_S else 0, rdata, sets, known)
        at = data + length
    return at


def _add(owner: bytes, rtype: int, ttl: int, rdata: bytes, sets: list[RRset], known: dict[bytes, RRset]) -> None:
    """Put a record into its RRset; an RRSIG joins the RRset that it covers."""
    is_signature = rtype == TYPE_RRSIG
    covered = u16(rdata, 0) if is_signature else rtype
    key = owner + bytes([covered >> 8, covered & 255])
    rrset = known.get(key)
    if rrset is None:
        rrset = RRset(owner, covered, ttl, [], [])
        known[key] = rrset
        sets.append(rrset)
    if ttl < rrset.ttl:
        rrset.ttl = ttl  # RFC 2181 section 5.2: differing TTLs are an error; the lowest is safe
    if is_signature:
        if len(rrset.signatures) < RRSET_SIGNATURES and rdata not in rrset.signatures:
            rrset.signatures.append(rdata)
    elif len(rrset.rdatas) < RRSET_RECORDS and rdata not in rrset.rdatas:
        rrset.rdatas.append(rdata)
