"""OPT records: options and back, and what no length may break."""

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns import iana
from holdfast.dns.edns import EdnsOption, append_options, extended_error, option_octets, parse_edns, parse_options
from holdfast.dns.message import parse
from holdfast.dns.writer import MessageWriter, build_query, opt_octets

options = st.lists(st.builds(EdnsOption, st.integers(0, 65535), st.binary(max_size=40)), max_size=6)


def pairs(found: list[EdnsOption] | None) -> list[tuple[int, bytes]] | None:
    return None if found is None else [(option.code, option.data) for option in found]


@given(options, st.binary(max_size=8))
def test_options_and_back(sent: list[EdnsOption], around: bytes) -> None:
    wire = option_octets(sent)
    assert pairs(parse_options(around + wire + around, len(around), len(around) + len(wire))) == pairs(sent)
    assert opt_octets(sent) == 11 + len(wire)
    if wire:
        assert pairs(parse_options(wire, 0, len(wire) - 1)) != pairs(sent)


@given(st.binary(max_size=80))
def test_any_octets_are_options_or_malformed(wire: bytes) -> None:
    found = parse_options(wire, 0, len(wire))
    if found is not None:
        assert option_octets(found) == wire


@pytest.mark.parametrize("wire", [b"\x00", b"\x00\x03\x00", b"\x00\x03\x00\x01", b"\x00\x03\x00\x00\x00"])
def test_lengths_that_do_not_add_up(wire: bytes) -> None:
    assert parse_options(wire, 0, len(wire)) is None
    assert parse_edns(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00" + wire, 1, 9, 9 + len(wire)) is None


@given(options, st.integers(512, 65535), st.booleans(), st.integers(0, 255))
def test_an_opt_record_as_dnspython_reads_it(sent: list[EdnsOption], octets: int, do: bool, extended: int) -> None:
    writer = MessageWriter(65535)
    writer.reserve(opt_octets(sent))
    writer.header(1, iana.FLAG_QR)
    writer.opt(octets, extended, do, sent)
    wire = writer.finish()
    ours = parse(wire)
    assert ours is not None and ours.edns is not None
    edns = ours.edns
    assert (edns.version, edns.udp_octets, edns.do, edns.extended_rcode) == (0, octets, do, extended)
    assert pairs(edns.options) == pairs(sent)
    assert ours.rcode == extended << 4
    plain = MessageWriter(65535)
    plain.header(1, iana.FLAG_QR)
    plain.opt(octets, extended, do, [])
    other = dns.message.from_wire(plain.finish())
    assert (other.edns, other.payload, bool(other.ednsflags & dns.flags.DO)) == (0, octets, do)
    assert append_options(plain.finish(), plain.opt_offset, option_octets(sent)) == wire


def test_the_first_option_of_a_code_counts() -> None:
    wire = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00" + option_octets([EdnsOption(3, b"a"), EdnsOption(3, b"b")])
    edns = parse_edns(wire, 1, 9, len(wire))
    assert edns is not None
    assert (edns.option(3), edns.option(4), edns.do) == (b"a", None, True)


def test_an_extended_error() -> None:
    query = build_query(7, b"\x01a\x00", iana.TYPE_A, iana.FLAG_RD, 1232, True, [extended_error(6, "why ä")])
    message = dns.message.from_wire(query)
    assert message.id == 7
    (option,) = message.extended_errors()
    assert isinstance(option, dns.edns.EDEOption)
    assert (option.code, option.text) == (6, "why ä")
