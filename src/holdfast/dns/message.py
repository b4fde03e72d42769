"""Reading messages (RFC 1035 section 4): whole responses, and only the question of client queries."""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.dns import iana
from holdfast.dns.edns import Edns, parse_edns
from holdfast.dns.name import ROOT
from holdfast.dns.rdata import decompress
from holdfast.dns.reader import HEADER_OCTETS, name_end, read_name, u16, u32
from holdfast.dns.rrset import RRset

MESSAGE_RECORDS: Final = 2000  # records accepted from one message; 64 KiB could hold about 4000 addresses
SIGNATURES_KEPT: Final = 8  # RRSIGs kept per RRset: two algorithms in a rollover need four
TTL_HIGHEST_BIT: Final = 0x80000000  # RFC 2181 section 8: with it, a TTL counts as zero
DROP: Final = -1  # not answerable: no header, or not a query

_SCANNED: Final = 8  # a section's first RRsets are found by looking at each, more of them by an index
_RECORD_FIXED: Final = 10  # TYPE, CLASS, TTL, RDLENGTH


@mypyc_attr(acyclic=True)
class Message:
    """A parsed message.

    ``flags`` are the header's 16 bits, OPCODE and RCODE included; ``rcode`` has the extended bits of EDNS as well. The
    sections hold RRsets of class IN in order of appearance, each RRSIG with the RRset that it covers, no record twice.
    ``qname`` is lower-cased, ``qname_wire`` as received; both are empty without a question.
    ``malformed_records`` counts records left out because their RDATA or type makes no sense.
    """

    def __init__(self, wire: bytes, qname_wire: bytes, qtype: int, qclass: int) -> None:
        flags = u16(wire, 2)
        self.id: Final = u16(wire, 0)
        self.flags: Final = flags
        self.opcode: Final = (flags & iana.OPCODE_MASK) >> 11
        self.rcode = flags & iana.RCODE_MASK
        self.question_count: Final = u16(wire, 4)
        self.qname: Final = qname_wire.lower()
        self.qname_wire: Final = qname_wire
        self.qtype: Final = qtype
        self.qclass: Final = qclass
        self.answer: Final[list[RRset]] = []
        self.authority: Final[list[RRset]] = []
        self.additional: Final[list[RRset]] = []
        self.edns: Edns | None = None
        self.malformed_records = 0


@mypyc_attr(acyclic=True)
class _RecordReader:
    """The place in the wire, and the owner read last: most records repeat it."""

    def __init__(self, wire: bytes, offset: int, message: Message) -> None:
        self.wire: Final = wire
        self.offset = offset
        self.message: Final = message
        self.owners: Final[dict[int, bytes]] = {HEADER_OCTETS: message.qname}
        self.last_pointer = HEADER_OCTETS if message.qname else 0
        self.last_owner = message.qname

    def read_owner(self) -> bytes:
        """Return the lower-cased name at the current place and move behind it; empty if malformed."""
        wire = self.wire
        offset = self.offset
        if offset + 1 < len(wire) and wire[offset] >= 0xC0:
            pointer = (wire[offset] & 0x3F) << 8 | wire[offset + 1]
            if pointer == self.last_pointer:
                self.offset = offset + 2
                return self.last_owner
            known = self.owners.get(pointer)
            if known:
                self.offset = offset + 2
                self.last_pointer = pointer
                self.last_owner = known
                return known
            name, self.offset = read_name(wire, offset, len(wire))
            owner = name.lower()
            self.owners[pointer] = owner
            self.last_pointer = pointer
            self.last_owner = owner
            return owner
        name, self.offset = read_name(wire, offset, len(wire))
        owner = name.lower()
        if self.offset > 0:
            self.owners[offset] = owner
        return owner

    def read_section(self, section: list[RRset], count: int, additional: bool) -> bool:
        """Read ``count`` records into ``section``; False if the structure breaks (what came before it is there)."""
        wire = self.wire
        size = len(wire)
        message = self.message
        index: dict[bytes, RRset] = {}
        rrset: RRset | None = None
        for _ in range(count):
            owner = self.read_owner()
            fixed = self.offset
            start = fixed + _RECORD_FIXED
            if not owner or start > size:
                return False
            length = u16(wire, fixed + 8)
            self.offset = start + length
            if start + length > size:
                return False
            rtype = u16(wire, fixed)
            if rtype == iana.TYPE_OPT and additional:
                if not self.read_opt(owner, fixed, length):
                    return False
                continue
            if wire[fixed + 3] != iana.CLASS_IN or wire[fixed + 2] != 0:
                continue
            rdata = decompress(wire, rtype, start, length)
            covered = rtype
            if rtype == iana.TYPE_RRSIG and rdata is not None:
                covered = u16(rdata, 0)
            if rdata is None or not _is_data_type(covered):
                message.malformed_records += 1
                continue
            ttl = u32(wire, fixed + 4)
            if ttl >= TTL_HIGHEST_BIT:
                ttl = 0
            if rrset is None or rrset.rtype != covered or rrset.name != owner:
                rrset = _find_or_add(section, index, owner, covered, ttl)
            if ttl < rrset.ttl:
                rrset.ttl = ttl
            if rtype == iana.TYPE_RRSIG:
                rrset.signatures.append(rdata)
            else:
                rrset.rdatas.append(rdata)
        return True

    def read_opt(self, owner: bytes, fixed: int, length: int) -> bool:
        """Take the OPT record; False if it is the second, or not at the root (RFC 6891 section 6.1.1)."""
        message = self.message
        if owner != ROOT or message.edns is not None:
            return False
        start = fixed + _RECORD_FIXED
        edns = parse_edns(self.wire, fixed, start, start + length)
        if edns is None:  # the fixed part still says what the server can do
            message.malformed_records += 1
            edns = parse_edns(self.wire, fixed, start, start)
        message.edns = edns
        if edns is not None:
            message.rcode |= edns.extended_rcode << 4
        return True


def _is_data_type(rtype: int) -> bool:
    """Say whether records of the type may be in a section: not a QTYPE or meta type, not a signature over RRSIGs."""
    if rtype < 128:
        return rtype != 0 and rtype != iana.TYPE_OPT and rtype != iana.TYPE_RRSIG
    return rtype > 255


def _find_or_add(section: list[RRset], index: dict[bytes, RRset], owner: bytes, rtype: int, ttl: int) -> RRset:
    """Return the RRset of (owner, type) in ``section``, new if need be. The index keeps big sections linear."""
    if len(section) < _SCANNED:
        for rrset in section:
            if rrset.rtype == rtype and rrset.name == owner:
                return rrset
        new = RRset(owner, rtype, ttl, [], [])
        section.append(new)
        return new
    if not index:
        for rrset in section:
            index[_index_key(rrset.name, rrset.rtype)] = rrset
    key = _index_key(owner, rtype)
    found = index.get(key)
    if found is None:
        found = RRset(owner, rtype, ttl, [], [])
        index[key] = found
        section.append(found)
    return found


def _index_key(owner: bytes, rtype: int) -> bytes:
    return owner + rtype.to_bytes(2, "big")


def _remove_duplicates(section: list[RRset]) -> None:
    """Leave each record once (RFC 2181 section 5), and no more signatures than anyone looks at."""
    for rrset in section:
        if len(rrset.rdatas) > 1:
            rrset.rdatas = _unique(rrset.rdatas)
        if len(rrset.signatures) > 1:
            rrset.signatures = _unique(rrset.signatures)[:SIGNATURES_KEPT]


def _unique(rdatas: list[bytes]) -> list[bytes]:
    if len(rdatas) == 2:
        return rdatas if rdatas[0] != rdatas[1] else rdatas[:1]
    return list(dict.fromkeys(rdatas))


def parse(wire: bytes) -> Message | None:
    """Parse a message; None if its structure is broken: header, names, lengths, counts, two OPT records.

    Records of other classes than IN are left out. The lowest TTL of an RRset's records counts for all of them (RFC 2181
    section 5.2). If TC is set, what stands complete before the break is kept.
    """
    size = len(wire)
    if size < HEADER_OCTETS:
        return None
    question_count = u16(wire, 4)
    answer_count = u16(wire, 6)
    authority_count = u16(wire, 8)
    additional_count = u16(wire, 10)
    if question_count > 1 or answer_count + authority_count + additional_count > MESSAGE_RECORDS:
        return None
    if question_count == 1:
        end = name_end(wire, HEADER_OCTETS, size)
        if end < 0 or end + 4 > size:
            return None
        message = Message(wire, wire[HEADER_OCTETS:end], u16(wire, end), u16(wire, end + 2))
        reader = _RecordReader(wire, end + 4, message)
    else:
        message = Message(wire, b"", 0, 0)
        reader = _RecordReader(wire, HEADER_OCTETS, message)
    complete = (
        reader.read_section(message.answer, answer_count, False)
        and reader.read_section(message.authority, authority_count, False)
        and reader.read_section(message.additional, additional_count, True)
    )
    if not complete and not message.flags & iana.FLAG_TC:
        return None
    _remove_duplicates(message.answer)
    _remove_duplicates(message.authority)
    _remove_duplicates(message.additional)
    return message


@mypyc_attr(acyclic=True)
class Question:
    """What a client asks. ``end`` is the offset after it; ``qname`` is lower-cased, ``qname_wire`` as sent."""

    def __init__(self, wire: bytes, name_limit: int, edns: Edns | None) -> None:
        flags = u16(wire, 2)
        qname_wire = wire[HEADER_OCTETS:name_limit]
        self.id: Final = u16(wire, 0)
        self.flags: Final = flags
        self.opcode: Final = (flags & iana.OPCODE_MASK) >> 11
        self.qname: Final = qname_wire.lower()
        self.qname_wire: Final = qname_wire
        self.qtype: Final = u16(wire, name_limit)
        self.qclass: Final = u16(wire, name_limit + 2)
        self.end: Final = name_limit + 4
        self.edns: Final = edns


def parse_question(wire: bytes) -> Question | int:
    """Parse a client's query: the header, the question and the OPT record only.

    Otherwise return the RCODE to answer with, or ``DROP``: FORMERR, NOTIMP for another opcode. Of EDNS beyond version 0
    nothing but the fixed fields is read (RFC 6891 section 6.1.3: BADVERS needs an OPT record of our own).
    """
    size = len(wire)
    if size < HEADER_OCTETS or wire[2] >= 0x80:
        return DROP
    if wire[2] & 0x78:
        return iana.RCODE_NOTIMP
    if u16(wire, 4) != 1 or u16(wire, 6) or u16(wire, 8):
        return iana.RCODE_FORMERR
    end = name_end(wire, HEADER_OCTETS, size)
    if end < 0 or end + 4 > size:
        return iana.RCODE_FORMERR
    additional_count = u16(wire, 10)
    if not additional_count:
        return Question(wire, end, None)
    edns = _find_edns(wire, end + 4, additional_count)
    if isinstance(edns, int):
        return edns
    return Question(wire, end, edns)


def _find_edns(wire: bytes, offset: int, count: int) -> Edns | int | None:
    """Return the only OPT record among ``count`` records at ``offset``, None without one, or an RCODE."""
    size = len(wire)
    found: Edns | None = None
    for _ in range(count):
        at_root = offset < size and wire[offset] == 0
        fixed = offset + 1 if at_root else read_name(wire, offset, size)[1]
        start = fixed + _RECORD_FIXED
        if fixed < 0 or start > size:
            return iana.RCODE_FORMERR
        offset = start + u16(wire, fixed + 8)
        if offset > size:
            return iana.RCODE_FORMERR
        if u16(wire, fixed) != iana.TYPE_OPT:
            continue
        if not at_root or found is not None:
            return iana.RCODE_FORMERR
        if wire[fixed + 5]:
            found = Edns(wire[fixed + 5], u16(wire, fixed + 2), wire[fixed + 6] >= 0x80, [], wire[fixed + 4])
            continue  # what the RDATA of a later version looks like is not known
        found = parse_edns(wire, fixed, start, offset)
        if found is None:
            return iana.RCODE_FORMERR
    return found
