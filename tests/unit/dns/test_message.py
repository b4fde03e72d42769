"""Whole messages and clients' questions: what is read, what is left out, and that no octets make it raise."""

import struct

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns import iana
from holdfast.dns.message import DROP, MESSAGE_RECORDS, Message, Question, parse, parse_question
from tests.support.dnssec_records import rdata, wire_name

NAME = wire_name("www.example")
QUESTION = NAME + b"\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"


def header(questions: int = 1, answers: int = 0, authority: int = 0, additional: int = 0, flags: int = 0x8180) -> bytes:
    return struct.pack(">HHHHHH", 1, flags, questions, answers, authority, additional)


def record(rtype: int, data: bytes, ttl: int = 300, owner: bytes = b"\xc0\x0c", rclass: int = 1) -> bytes:
    return owner + struct.pack(">HHIH", rtype, rclass, ttl, len(data)) + data


def parsed(wire: bytes) -> Message:
    message = parse(wire)
    assert message is not None
    return message


def answer(*records: bytes, flags: int = 0x8180) -> bytes:
    return header(answers=len(records), flags=flags) + QUESTION + b"".join(records)


def example() -> bytes:
    """A response with everything: compression, signatures, denial, OPT with options."""
    message = dns.message.make_response(dns.message.make_query("www.example", "A", want_dnssec=True))
    message.want_dnssec()
    for section, owner, rtype, *texts in (
        (message.answer, "www.example.", "CNAME", "host.example."),
        (message.answer, "host.example.", "A", "192.0.2.1", "192.0.2.2"),
        (message.answer, "host.example.", "RRSIG", "A 13 2 300 20330518033320 20010909014640 7 example. MQ=="),
        (message.authority, "example.", "SOA", "ns.example. admin.example. 1 2 3 4 5"),
        (message.authority, "a.example.", "NSEC", "z.example. A RRSIG NSEC"),
        (message.additional, "ns.example.", "AAAA", "2001:db8::1"),
    ):
        section.append(dns.rrset.from_text(owner, 300, "IN", rtype, *texts))
    return message.to_wire()


# -- responses --------------------------------------------------------------------------------------------------------


def test_a_message_with_everything() -> None:
    message = parsed(example())
    assert (message.qname, message.qtype, message.qclass, message.opcode, message.rcode) == (NAME, 1, 1, 0, 0)
    assert [(one.name, one.rtype, len(one.rdatas), len(one.signatures)) for one in message.answer] == [
        (NAME, iana.TYPE_CNAME, 1, 0),
        (wire_name("host.example"), iana.TYPE_A, 2, 1),
    ]
    assert [one.rtype for one in message.authority] == [iana.TYPE_SOA, iana.TYPE_NSEC]
    assert [one.rdatas for one in message.additional] == [[rdata("AAAA", "2001:db8::1")]]
    assert message.edns is not None and message.edns.do


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_octets_can_be_read(body: bytes, counts: int) -> None:
    for wire in (
        body,
        header(counts & 1, counts, counts, 1) + body,
        header(0, 2) + body,
        header(1, 2) + QUESTION + body,
    ):
        parse(wire)
        parse_question(wire)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 400))
def test_spoiled_messages_can_be_read(changes: list[tuple[int, int]], cut: int) -> None:
    wire = bytearray(example())
    for at, octet in changes:
        wire[at % len(wire)] = octet
    for one in (bytes(wire), bytes(wire[:cut])):
        parse(one)
        parse_question(one)


@given(st.integers(0, 400))
def test_a_message_cut_off_is_malformed_unless_it_says_so(size: int) -> None:
    wire = example()
    cut = wire[: min(size, len(wire) - 1)]
    assert parse(cut) is None
    if len(cut) < 12 + len(QUESTION):
        return
    message = parsed(cut[:2] + bytes([cut[2] | 0x02]) + cut[3:])
    whole = parsed(wire)
    read = [(one.name, one.rtype) for one in (*message.answer, *message.authority, *message.additional)]
    expected = [(one.name, one.rtype) for one in (*whole.answer, *whole.authority, *whole.additional)]
    assert read == expected[: len(read)]


def test_records_of_one_rrset_come_together() -> None:
    first, second = record(1, b"\xc0\x00\x02\x01", 300), record(1, b"\xc0\x00\x02\x02", 200)
    message = parsed(answer(first, record(28, bytes(16)), second, first))
    assert [(one.rtype, one.ttl, one.rdatas) for one in message.answer] == [
        (1, 200, [b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"]),  # RFC 2181 sections 5 and 5.2: each once, the lowest TTL
        (28, 300, [bytes(16)]),
    ]


def test_letter_case_of_owners_does_not_matter() -> None:
    upper = record(1, b"\xc0\x00\x02\x02", owner=b"\x03WWW\x07Example\x00")
    message = parsed(answer(record(1, b"\xc0\x00\x02\x01"), upper))
    assert [(one.name, len(one.rdatas)) for one in message.answer] == [(NAME, 2)]


def test_many_rrsets_are_kept_apart() -> None:
    owners = [wire_name(f"n{number}.example") for number in range(40)]
    records = [
        record(1, bytes([number, 0, 0, turn]), owner=owner) for turn in (1, 2) for number, owner in enumerate(owners)
    ]
    message = parsed(answer(*records))
    assert [one.name for one in message.answer] == owners
    assert all(
        one.rdatas == [bytes([number, 0, 0, turn]) for turn in (1, 2)] for number, one in enumerate(message.answer)
    )


def test_a_ttl_with_the_highest_bit_is_zero() -> None:
    # RFC 2181 section 8
    for ttl, expected in ((2**31 - 1, 2**31 - 1), (2**31, 0), (2**32 - 1, 0)):
        assert parsed(answer(record(1, bytes(4), ttl))).answer[0].ttl == expected


def test_what_makes_no_sense_is_left_out_and_counted() -> None:
    good = record(1, bytes(4))
    bad = [
        record(1, bytes(3)),
        record(28, bytes(15)),
        record(2, b"\x05abc\x00"),
        record(255, b""),
        record(46, bytes(30)),
    ]
    signature_over_signatures = record(46, b"\x00\x2e" + rdata("RRSIG", "A 8 2 1 1 1 1 . MQ==")[2:])
    message = parsed(answer(*bad, signature_over_signatures, good))
    assert message.malformed_records == 6
    assert [one.rdatas for one in message.answer] == [[bytes(4)]]


def test_other_classes_are_left_out() -> None:
    message = parsed(
        answer(record(1, bytes(4), rclass=3), record(1, b"\x01\x02\x03\x04"), record(1, bytes(4), rclass=257))
    )
    assert [one.rdatas for one in message.answer] == [[b"\x01\x02\x03\x04"]]
    assert message.malformed_records == 0


def test_the_extended_rcode() -> None:
    wire = header(additional=1, flags=0x8187) + QUESTION + OPT[:5] + b"\x01" + OPT[6:]
    assert parsed(wire).rcode == 0x17
    assert parsed(header(flags=0x8187) + QUESTION).rcode == 7


def test_opt_records_that_are_wrong() -> None:
    assert parse(header(additional=2) + QUESTION + OPT + OPT) is None
    assert parse(header(additional=1) + QUESTION + b"\x01a" + OPT) is None
    message = parsed(header(additional=1) + QUESTION + OPT[:-2] + b"\x00\x03" + b"\x00\x03\x00")
    assert message.edns is not None and message.edns.udp_octets == 1232  # the options do not add up, the rest counts
    assert message.malformed_records == 1
    elsewhere = parsed(header(answers=1) + QUESTION + OPT)
    assert (elsewhere.edns, elsewhere.malformed_records) == (None, 0)


def test_structures_that_are_broken() -> None:
    assert parse(header()[:11]) is None
    assert parse(header(2) + QUESTION + QUESTION) is None
    assert parse(header() + NAME + b"\x00\x01\x00") is None
    assert parse(header() + b"\xc0\x0c\x00\x01\x00\x01") is None  # nothing stands before it to point to
    assert parse(header(answers=1) + QUESTION) is None
    assert parse(answer(record(1, bytes(4))[:-1])) is None
    assert parse(answer(record(1, bytes(4), owner=b"\xc0\xff"))) is None


def test_no_more_records_than_the_limit() -> None:
    records = [record(1, number.to_bytes(4, "big")) for number in range(MESSAGE_RECORDS)]
    assert len(parsed(answer(*records)).answer[0].rdatas) == MESSAGE_RECORDS
    assert parse(answer(*records, record(1, b"\xff" * 4))) is None


def test_without_question() -> None:
    message = parsed(header(0, 1) + record(1, bytes(4), owner=NAME))
    assert (message.question_count, message.qname, message.qname_wire) == (0, b"", b"")
    assert [one.name for one in message.answer] == [NAME]


# -- clients' questions -----------------------------------------------------------------------------------------------


def test_a_question() -> None:
    wire = header(additional=1, flags=0x0130) + b"\x03WwW\x07eXample\x00\x00\x1c\x00\x01" + OPT
    question = parse_question(wire)
    assert isinstance(question, Question)
    assert (question.qname, question.qname_wire) == (NAME, b"\x03WwW\x07eXample\x00")
    assert (question.id, question.flags, question.qtype, question.qclass) == (1, 0x0130, 28, 1)
    assert question.edns is not None and question.edns.udp_octets == 1232
    assert wire[12 : question.end] == question.qname_wire + b"\x00\x1c\x00\x01"


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"", DROP),
        (header(flags=0)[:11], DROP),
        (header(flags=0x8000) + QUESTION, DROP),
        (header(flags=0x2800) + QUESTION, iana.RCODE_NOTIMP),
        (header(0, flags=0), iana.RCODE_FORMERR),
        (header(2, flags=0) + QUESTION + QUESTION, iana.RCODE_FORMERR),
        (header(1, 1, flags=0) + QUESTION + record(1, bytes(4)), iana.RCODE_FORMERR),
        (header(1, 0, 1, flags=0) + QUESTION + record(1, bytes(4)), iana.RCODE_FORMERR),
        (header(flags=0) + b"\xc0\x0c\x00\x01\x00\x01", iana.RCODE_FORMERR),
        (header(flags=0) + NAME + b"\x00\x01\x00", iana.RCODE_FORMERR),
        (header(additional=1, flags=0) + QUESTION, iana.RCODE_FORMERR),
        (header(additional=1, flags=0) + QUESTION + OPT[:-1], iana.RCODE_FORMERR),
        (header(additional=2, flags=0) + QUESTION + OPT + OPT, iana.RCODE_FORMERR),
        (header(additional=1, flags=0) + QUESTION + b"\x01a" + OPT, iana.RCODE_FORMERR),
        (header(additional=1, flags=0) + QUESTION + OPT[:-1] + b"\x03abc", iana.RCODE_FORMERR),
    ],
)
def test_questions_that_are_none(wire: bytes, expected: int) -> None:
    assert parse_question(wire) == expected


def test_what_stands_beside_the_opt_record_is_skipped() -> None:
    others = record(1, bytes(4)) + OPT + record(250, b"key", owner=NAME)
    question = parse_question(header(additional=3, flags=0) + QUESTION + others)
    assert isinstance(question, Question) and question.edns is not None


def test_of_a_later_version_of_edns_only_the_fixed_part_is_read() -> None:
    later = OPT[:6] + b"\x01\x80\x00\x00\x03abc"
    question = parse_question(header(additional=1, flags=0) + QUESTION + later)
    assert isinstance(question, Question) and question.edns is not None
    edns = question.edns
    assert (edns.version, edns.udp_octets, edns.do, edns.options) == (1, 1232, True, [])
    assert parse_question(header(additional=2, flags=0) + QUESTION + later + OPT) == iana.RCODE_FORMERR
