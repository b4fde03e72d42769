"""Messages of scenarios: built from entries, matched and compared with entries."""

import re
from dataclasses import dataclass, field

from holdfast.dns.edns import parse_options
from holdfast.dns.iana import (
    EDNS_OPTION_COOKIE,
    EDNS_OPTION_EDE,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_RRSIG,
    TYPE_SOA,
    rcode_name,
    type_name,
)
from holdfast.dns.message import Message, parse
from holdfast.dns.name import to_text
from holdfast.dns.rdata import canonical
from holdfast.dns.rrset import RRset
from holdfast.lab.rpl import Entry, Record

FLAGS = {"QR": 0x8000, "AA": 0x0400, "TC": 0x0200, "RD": 0x0100, "RA": 0x0080, "AD": 0x0020, "CD": 0x0010}
FLAGS_MASK = 0x87B0
EDNS_OCTETS = 4096
RCODES = {
    "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMPL": 4, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6,
    "YXRRSET": 7, "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10, "BADVERS": 16, "BADCOOKIE": 23,
}  # fmt: skip
OPCODES = {"QUERY": 0, "IQUERY": 1, "STATUS": 2, "NOTIFY": 4, "UPDATE": 5}
MATCH_WORDS = re.compile(
    r"(opcode|qtype|qname|qcase|subdomain|question|rcode|flags|answer|authority|additional|all_noedns|all|ttl|DO|noedns"
    r"|UDP|TCP|serial=\S+|ede=\w+|ednsdata|client_cookie|server_cookie|edns|nsid)"
)
NEGATIVE_TYPES = (TYPE_SOA, TYPE_NSEC, TYPE_NSEC3)
Item = tuple[bytes, int, bytes]


@dataclass
class Plain:
    """A message as sets of records, TTLs beside."""

    opcode: int
    flags: int
    rcode: int
    qname: bytes
    qtype: int
    has_edns: bool
    do: bool
    sections: list[set[Item]] = field(default_factory=lambda: [set(), set(), set()])
    ttls: dict[Item, int] = field(default_factory=dict)
    ede: list[int] = field(default_factory=list)
    options: list[tuple[int, bytes]] = field(default_factory=list)


def reply_bits(entry: Entry) -> tuple[int, int, int, bool]:
    """Return opcode, header flags, RCODE and DO of an entry."""
    opcode = flags = rcode = 0
    for word in entry.reply:
        opcode = OPCODES.get(word, opcode)
        flags |= FLAGS.get(word, 0)
        rcode = RCODES.get(word, rcode)
    return opcode, flags, rcode, "DO" in entry.reply


def match_words(entry: Entry) -> list[str]:
    """Return the MATCH words; some files glue them together."""
    return [word for text in entry.match for word in MATCH_WORDS.findall(text)]


def plain_of_entry(entry: Entry, testbound: bool) -> Plain:
    """Read an entry as a message."""
    opcode, flags, rcode, do = reply_bits(entry)
    question = entry.questions[0] if entry.questions else Record(b"\x00", 0, 1, 0, b"")
    has_edns = do or entry.has_edns_data or not testbound
    plain = Plain(opcode, flags, rcode, question.owner.lower(), question.rtype, has_edns, do)
    for index in range(3):
        for record in entry.sections[index + 1]:
            item = (record.owner.lower(), record.rtype, canonical(record.rtype, record.rdata))
            plain.sections[index].add(item)
            plain.ttls[item] = record.ttl
    return plain


def plain_of_message(message: Message) -> Plain:
    """Read a parsed message."""
    edns = message.edns
    do = edns is not None and edns.do
    plain = Plain(
        message.opcode, message.flags & FLAGS_MASK, message.rcode, message.qname, message.qtype, edns is not None, do
    )
    for index, sets in enumerate((message.answer, message.authority, message.additional)):
        for rrset in sets:
            _add_rrset(plain, index, rrset)
    if edns is not None:
        for option in edns.options:
            plain.options.append((option.code, option.data))
            if option.code == EDNS_OPTION_EDE and len(option.data) >= 2:
                plain.ede.append(option.data[0] << 8 | option.data[1])
    return plain


def _add_rrset(plain: Plain, index: int, rrset: RRset) -> None:
    """Add the records of an RRset and its signatures."""
    for rtype, rdatas in ((rrset.rtype, rrset.rdatas), (TYPE_RRSIG, rrset.signatures)):
        for rdata in rdatas:
            item = (rrset.name, rtype, canonical(rtype, rdata))
            plain.sections[index].add(item)
            plain.ttls[item] = rrset.ttl


def matches_query(entry: Entry, query: Plain, is_tcp: bool, testbound: bool) -> bool:
    """Tell whether an upstream query (or any received message) matches an entry."""
    expected = plain_of_entry(entry, testbound)
    for word in match_words(entry):
        if word in ("qname", "question", "all", "all_noedns", "qcase") and query.qname != expected.qname:
            return False
        if word in ("qtype", "question", "all", "all_noedns") and query.qtype != expected.qtype:
            return False
        if word == "opcode" and query.opcode != expected.opcode:
            return False
        if word == "subdomain" and not (query.qname == expected.qname or query.qname.endswith(expected.qname)):
            return False
        if (word == "UDP" and is_tcp) or (word == "TCP" and not is_tcp):
            return False
        if (word == "DO" and not query.do) or (word == "noedns" and query.has_edns):
            return False
        if word == "ednsdata" or word.startswith("serial="):
            return False
        if word in ("client_cookie", "server_cookie") and not any(
            code == EDNS_OPTION_COOKIE for code, _ in query.options
        ):
            return False
    return True


def differences(entry: Entry, received: Plain, testbound: bool) -> list[str]:
    """Compare a client answer with what a CHECK_ANSWER entry expects: the core comparison, as a list of complaints."""
    expected = plain_of_entry(entry, testbound)
    words = match_words(entry)
    whole = "all" in words or "all_noedns" in words
    found: list[str] = []
    if (whole or "rcode" in words) and received.rcode != expected.rcode:
        found.append(f"rcode {rcode_name(received.rcode)} instead of {rcode_name(expected.rcode)}")
    if (whole or "flags" in words) and (received.flags ^ expected.flags) & compared_flags(expected, received):
        found.append(f"flags {flags_text(received.flags)} instead of {flags_text(expected.flags)}")
    if (whole or "opcode" in words) and received.opcode != expected.opcode:
        found.append(f"opcode {received.opcode} instead of {expected.opcode}")
    if (whole or "question" in words or "qname" in words) and received.qname != expected.qname:
        found.append(f"question {to_text(received.qname)} instead of {to_text(expected.qname)}")
    if (whole or "question" in words or "qtype" in words) and received.qtype != expected.qtype:
        found.append(f"question type {type_name(received.qtype)} instead of {type_name(expected.qtype)}")
    if whole or "answer" in words:
        found.extend(set_differences("answer", expected.sections[0], received.sections[0]))
    if (whole or "authority" in words) and not expected.sections[0]:
        wanted = {item for item in expected.sections[1] if is_negative(item)}
        got = {item for item in received.sections[1] if is_negative(item)}
        found.extend(set_differences("authority", wanted, got))
    if "ttl" in words:
        found.extend(
            f"TTL {received.ttls[item]} instead of {ttl} for {item_text(item)}"
            for item, ttl in expected.ttls.items()
            if item in received.sections[0] and item in expected.sections[0] and received.ttls[item] != ttl
        )
    for option in parse_options(entry.edns_data, 0, len(entry.edns_data)) or []:
        if (option.code, option.data) not in received.options:
            found.append(f"no EDNS option {option.code} with {option.data.hex()}")
    for word in words:
        if word == "ede=any" and not received.ede:
            found.append("no EDE")
        elif word.startswith("ede=") and word != "ede=any" and int(word[4:]) not in received.ede:
            found.append(f"EDE {received.ede} instead of {word[4:]}")
    return found


def compared_flags(expected: Plain, received: Plain) -> int:
    """Return the header flags to compare.

    An answer may be expected to be truncated only because of the name servers that go into its authority section. A
    minimal answer leaves them out, so it may be whole.
    """
    truncated = FLAGS["TC"]
    whole = bool(expected.sections[0]) and expected.sections[0] <= received.sections[0]
    if whole and expected.flags & truncated and not received.flags & truncated:
        return FLAGS_MASK & ~truncated
    return FLAGS_MASK


def is_negative(item: Item) -> bool:
    """Tell whether a record belongs to a negative answer."""
    _, rtype, rdata = item
    return rtype in NEGATIVE_TYPES or (rtype == TYPE_RRSIG and rdata[0] << 8 | rdata[1] in NEGATIVE_TYPES)


def set_differences(section: str, expected: set[Item], received: set[Item]) -> list[str]:
    """Name what is missing from and what is too much in a section."""
    missing = sorted(expected - received)
    surplus = sorted(received - expected)
    return [f"{section} lacks {item_text(item)}" for item in missing] + [
        f"{section} has {item_text(item)}" for item in surplus
    ]


def item_text(item: Item) -> str:
    """Name a record."""
    owner, rtype, rdata = item
    covered = f"({type_name(rdata[0] << 8 | rdata[1])})" if rtype == TYPE_RRSIG else ""
    return f"{to_text(owner)} {type_name(rtype)}{covered} {rdata[:8].hex()}"


def flags_text(flags: int) -> str:
    """Name header flags."""
    return " ".join(name for name, bit in FLAGS.items() if flags & bit)


def build(entry: Entry, message_id: int, question: bytes, with_edns: bool, do: bool) -> bytes:
    """Build the message of an entry with a given ID and question section."""
    opcode, flags, rcode, _ = reply_bits(entry)
    bits = flags | opcode << 11 | rcode & 15
    counts = [1 if question else 0, *(len(section) for section in entry.sections[1:])]
    if with_edns:
        counts[3] += 1
    wire = message_id.to_bytes(2, "big") + bits.to_bytes(2, "big") + b"".join(c.to_bytes(2, "big") for c in counts)
    wire += question
    for section in entry.sections[1:]:
        for record in section:
            wire += record.owner + record.rtype.to_bytes(2, "big") + record.rclass.to_bytes(2, "big")
            wire += record.ttl.to_bytes(4, "big") + len(record.rdata).to_bytes(2, "big") + record.rdata
    if with_edns:
        fixed = bytes([0, 0, 41]) + EDNS_OCTETS.to_bytes(2, "big") + bytes([rcode >> 4, 0, 0x80 if do else 0, 0])
        wire += fixed + len(entry.edns_data).to_bytes(2, "big") + entry.edns_data
    return wire


def question_octets(entry: Entry) -> bytes:
    """Return the question section of an entry."""
    if not entry.questions:
        return b""
    one = entry.questions[0]
    return one.owner + one.rtype.to_bytes(2, "big") + one.rclass.to_bytes(2, "big")


def parse_plain(wire: bytes) -> Plain | None:
    """Parse a message into its plain form."""
    message = parse(wire)
    return plain_of_message(message) if message is not None else None
