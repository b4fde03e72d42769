"""Messages written and read again, by holdfast and by dnspython; limits hold, and what does not fit leaves no trace."""

import dns.flags
import dns.message
import dns.rdatatype
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns import iana
from holdfast.dns.edns import EdnsOption
from holdfast.dns.message import parse, parse_question
from holdfast.dns.rrset import RRset
from holdfast.dns.writer import (
    SECTION_ADDITIONAL,
    SECTION_ANSWER,
    SECTION_AUTHORITY,
    MessageWriter,
    build_query,
    opt_octets,
)
from tests.support.dnssec_records import rdata, wire_name
from tests.support.wire import join, names

NAMES = ["example.com", "www.example.com", "ns1.example.com", "a.b.c.www.example.com", "example.org", "com", "."]
owners = st.sampled_from([wire_name(name) for name in NAMES])
targets = owners | st.lists(st.sampled_from([b"Www", b"EXAMPLE", b"com", b"x"]), max_size=4).map(join)

RECORDS = {
    iana.TYPE_A: st.binary(min_size=4, max_size=4),
    iana.TYPE_NS: targets,
    iana.TYPE_CNAME: targets,
    iana.TYPE_MX: st.tuples(st.binary(min_size=2, max_size=2), targets).map(b"".join),
    iana.TYPE_SOA: st.tuples(targets, targets, st.binary(min_size=20, max_size=20)).map(b"".join),
    iana.TYPE_SRV: st.tuples(st.binary(min_size=6, max_size=6), targets).map(b"".join),
    iana.TYPE_TXT: st.binary(max_size=200).map(lambda text: bytes([len(text)]) + text),
}
SIGNATURE = rdata("RRSIG", "A 13 3 3600 20330518033320 20010909014640 12345 example.com. bm8gc2lnbmF0dXJl")


@st.composite
def rrsets(draw: st.DrawFn) -> RRset:
    """An RRset with distinct records, signed or not."""
    rtype = draw(st.sampled_from(sorted(RECORDS)))
    rdatas = draw(st.lists(RECORDS[rtype], min_size=1, max_size=4, unique_by=bytes.lower))
    signature = rtype.to_bytes(2, "big") + SIGNATURE[2:]
    return RRset(draw(owners), rtype, draw(st.integers(0, 2**31 - 1)), rdatas, draw(st.sampled_from([[], [signature]])))


# Every owner and type once: a message cannot say where one RRset ends and the same begins again.
sections = st.lists(rrsets(), max_size=6, unique_by=lambda rrset: (rrset.name, rrset.rtype))
messages = st.tuples(sections, sections, sections)


def write(
    parts: tuple[list[RRset], list[RRset], list[RRset]], limit: int, signed: bool, options: list[EdnsOption]
) -> tuple[MessageWriter, list[list[RRset]]]:
    """Write as much of ``parts`` as fits into ``limit``; returns the writer, and what it took."""
    writer = MessageWriter(limit)
    writer.reserve(opt_octets(options))
    writer.header(4711, iana.FLAG_QR | iana.FLAG_RA)
    writer.question(wire_name("www.example.com"), iana.TYPE_A, iana.CLASS_IN)
    taken: list[list[RRset]] = []
    for section, part in zip((SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL), parts, strict=True):
        taken.append([rrset for rrset in part if writer.rrset(section, rrset, rrset.ttl, signed)])
    writer.opt(1232, 0, True, options)
    return writer, taken


def content(section: list[RRset], signed: bool = True) -> list[tuple[bytes, int, int, list[bytes], list[bytes]]]:
    """What an RRset is. Letters of names in RDATA may change: a pointer leads to the spelling that came first."""
    return [
        (one.name, one.rtype, one.ttl, [data.lower() for data in one.rdatas], one.signatures if signed else [])
        for one in section
    ]


@given(messages, st.booleans())
def test_what_is_written_is_read(parts: tuple[list[RRset], list[RRset], list[RRset]], signed: bool) -> None:
    writer, taken = write(parts, 65535, signed, [])
    wire = writer.finish()
    assert taken == list(parts)
    message = parse(wire)
    assert message is not None and message.malformed_records == 0
    assert (message.id, message.flags) == (4711, iana.FLAG_QR | iana.FLAG_RA)
    for read, part in zip((message.answer, message.authority, message.additional), parts, strict=True):
        assert content(read) == content(part, signed)


@given(messages)
def test_dnspython_reads_the_same(parts: tuple[list[RRset], list[RRset], list[RRset]]) -> None:
    wire = write(parts, 65535, True, [])[0].finish()
    message = dns.message.from_wire(wire, one_rr_per_rrset=True)
    for section, part in zip((message.answer, message.authority, message.additional), parts, strict=True):
        read = [(one.name.to_wire(), int(one.rdtype), one.ttl, (one[0].to_wire() or b"").lower()) for one in section]
        expected = []
        for rrset in part:
            expected += [(rrset.name, rrset.rtype, rrset.ttl, data.lower()) for data in rrset.rdatas]
            expected += [(rrset.name, iana.TYPE_RRSIG, rrset.ttl, data.lower()) for data in rrset.signatures]
        assert read == expected


@given(messages, st.integers(60, 600), st.lists(st.builds(EdnsOption, st.just(15), st.binary(max_size=20)), max_size=1))
def test_limits_hold(
    parts: tuple[list[RRset], list[RRset], list[RRset]], limit: int, options: list[EdnsOption]
) -> None:
    limit += opt_octets(options)
    writer, taken = write(parts, limit, True, options)
    wire = writer.finish()
    assert len(wire) == writer.size <= limit
    # What did not fit has left no trace: without it the message is the same.
    again, all_of_it = write((taken[0], taken[1], taken[2]), limit, True, options)
    assert (all_of_it, again.finish(), again.ttl_offsets) == (taken, wire, writer.ttl_offsets)


@given(messages)
def test_where_the_ttls_are(parts: tuple[list[RRset], list[RRset], list[RRset]]) -> None:
    writer, _ = write(parts, 65535, True, [])
    wire = bytearray(writer.finish())
    for at in writer.ttl_offsets:
        wire[at : at + 4] = (77).to_bytes(4, "big")
    message = parse(bytes(wire))
    assert message is not None
    read = [*message.answer, *message.authority, *message.additional]
    assert {rrset.ttl for rrset in read} <= {77}
    before = [rrset for part in parts for rrset in part]
    assert len(writer.ttl_offsets) == sum(len(rrset.rdatas) + len(rrset.signatures) for rrset in before)
    assert [one[3:] for one in content(read)] == [one[3:] for one in content(before)]


def test_names_are_compressed() -> None:
    writer = MessageWriter(512)
    writer.header(1, 0)
    writer.question(wire_name("www.example.com"), iana.TYPE_NS, iana.CLASS_IN)
    owner, server = wire_name("example.com"), wire_name("ns.example.com")
    assert writer.rrset(SECTION_AUTHORITY, RRset(owner, iana.TYPE_NS, 1, [server], []), 1, False)
    assert writer.rrset(SECTION_ADDITIONAL, RRset(server, iana.TYPE_A, 1, [b"\xc0\x00\x02\x01"], []), 1, False)
    # Header and question 33, NS record: two pointers and three octets "ns"; A record: one pointer.
    assert len(writer.finish()) == 33 + (2 + 10 + 5) + (2 + 10 + 4)


def test_pointers_reach_16_kilobytes_only() -> None:
    writer = MessageWriter(65535)
    writer.header(1, 0)
    filler = [bytes([255]) + number.to_bytes(2, "big") * 127 + b"x" for number in range(70)]
    assert writer.rrset(SECTION_ANSWER, RRset(wire_name("t"), iana.TYPE_TXT, 1, filler, []), 1, False)
    late = [wire_name(name) for name in ("first.example", "second.example", "first.example")]
    for target in late:
        owner = wire_name("x" + str(len(writer.parts)))
        assert writer.rrset(SECTION_ANSWER, RRset(owner, iana.TYPE_CNAME, 1, [target], []), 1, False)
    message = dns.message.from_wire(writer.finish())
    found = [rdata.to_wire() for rrset in message.answer if rrset.rdtype == dns.rdatatype.CNAME for rdata in rrset]
    assert found == late


@given(names, st.integers(1, 65535), st.integers(0, 65535), st.booleans())
def test_queries(name: bytes, rtype: int, id: int, do: bool) -> None:
    for octets in (0, 1232):
        wire = build_query(id, name, rtype, iana.FLAG_RD, octets, do, [])
        message = dns.message.from_wire(wire)
        (question,) = message.question
        assert (message.id, message.flags) == (id, dns.flags.RD)
        assert (question.name.to_wire(), int(question.rdtype)) == (name, rtype)
        assert (message.edns, message.payload) == ((0, octets) if octets else (-1, 0))
        parsed = parse_question(wire)
        assert not isinstance(parsed, int)
        assert (parsed.qname_wire, parsed.qname, parsed.qtype, parsed.id) == (name, name.lower(), rtype, id)
        assert (parsed.edns is not None) == bool(octets)
        assert parsed.edns is None or parsed.edns.do == do
