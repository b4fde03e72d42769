"""Names in messages: what dnspython reads, holdfast reads, and nothing makes it loop or raise."""

import dns.exception
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns.reader import HEADER_OCTETS, POINTERS_MAXIMUM, name_end, read_name, u16, u32
from tests.support.wire import names

HEADER = bytes(HEADER_OCTETS)

# Octets that make up names more often than chance would: short labels, ends, pointers to places close by.
pieces = st.lists(
    st.sampled_from([b"\x01a", b"\x03www", b"\x00", b"\x3f" + bytes(63), b"\x40", b"\x80", b"\xc0"])
    | st.integers(0, 60).map(lambda at: bytes([0xC0, at]))
    | st.binary(max_size=4),
    max_size=30,
).map(b"".join)


@given(pieces, st.data())
def test_compressed_names(body: bytes, data: st.DataObject) -> None:
    message = HEADER + body
    offset = data.draw(st.integers(HEADER_OCTETS, len(message)))
    name, end = read_name(message, offset, len(message))
    try:
        reference, used = dns.name.from_wire(message, offset)
    except dns.exception.DNSException:
        assert end < 0 or name == b""
        return
    if name:
        assert (name, end) == (reference.to_wire(), offset + used)
    else:
        # Pointers into the header are all that dnspython follows and we do not.
        assert any(message[at] >= 0xC0 and message[at + 1] < HEADER_OCTETS for at in range(len(message) - 1))


@given(st.binary(max_size=300), st.integers(0, 300))
def test_anything_can_be_read(message: bytes, offset: int) -> None:
    for reader_end in (len(message), len(message) // 2):
        name, end = read_name(message, offset, reader_end)
        assert end <= reader_end
        assert len(name) <= 255
        assert name_end(message, offset, reader_end) <= reader_end


@given(names, st.binary(max_size=5))
def test_uncompressed_names(name: bytes, rest: bytes) -> None:
    assert name_end(name + rest, 0, len(name) + len(rest)) == len(name)
    assert read_name(name + rest, 0, len(name)) == (name, len(name))
    assert name_end(name, 0, len(name) - 1) == -1
    assert read_name(name, 0, len(name) - 1)[1] == -1


def test_names_are_no_longer_than_255_octets() -> None:
    label = b"\x3f" + b"a" * 63
    longest = label * 3 + b"\x3d" + b"a" * 61 + b"\x00"
    assert name_end(longest, 0, 300) == 255
    longer = label * 3 + b"\x3e" + b"a" * 62 + b"\x00"
    assert name_end(longer, 0, 300) == -1
    assert read_name(longer, 0, len(longer))[1] == -1
    # Put together by a pointer
    message = HEADER + longest[64:] + label + b"\xc0\x0c"
    assert read_name(message, HEADER_OCTETS + len(longest) - 64, len(message))[0] == longest
    message = HEADER + longest[64:] + b"\x01b" + label + b"\xc0\x0c"
    assert read_name(message, HEADER_OCTETS + len(longest) - 64, len(message))[0] == b""


@pytest.mark.parametrize(
    "body",
    [b"\xc0\x0c", b"\x01a\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\xc0\x0e\x00", b"\xc0\x05", b"\xff\xff", b"\xc0"],
    ids=["itself", "own start", "each other", "forward", "header", "beyond the end", "half a pointer"],
)
def test_pointers_that_lead_nowhere(body: bytes) -> None:
    assert read_name(HEADER + body, HEADER_OCTETS, len(HEADER + body))[0] == b""


def test_long_chains_of_pointers_end() -> None:
    def chain(pointers: int) -> tuple[bytes, int]:
        message = HEADER + b"\x00"
        target = HEADER_OCTETS
        for _ in range(pointers):
            target, message = len(message), message + bytes([0xC0 | target >> 8, target & 255])
        return message, target

    message, offset = chain(POINTERS_MAXIMUM)
    assert read_name(message, offset, len(message)) == (b"\x00", len(message))
    message, offset = chain(POINTERS_MAXIMUM + 1)
    assert read_name(message, offset, len(message))[0] == b""


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1))
def test_numbers(small: int, large: int) -> None:
    assert u16(b"x" + small.to_bytes(2, "big"), 1) == small
    assert u32(b"x" + large.to_bytes(4, "big"), 1) == large
