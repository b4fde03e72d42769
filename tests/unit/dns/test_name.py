"""Names: text and back, ancestors, and the canonical order, each compared with dnspython."""

import itertools

import dns.exception
import dns.name
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.dns.name import (
    NAME_MAXIMUM,
    ROOT,
    canonical_compare,
    canonical_key,
    common_ancestor,
    from_text,
    is_subdomain,
    label_count,
    label_offsets,
    lower,
    parent,
    replace_suffix,
    suffix,
    to_text,
    wildcard_of,
)
from tests.support.wire import names, related_names


def other(name: bytes) -> dns.name.Name:
    """The same name of dnspython."""
    return dns.name.from_wire(name, 0)[0]


def wire_of(name: dns.name.Name) -> bytes:
    wire = name.to_wire()
    assert wire is not None
    return wire


@given(names)
def test_text_and_back(name: bytes) -> None:
    text = to_text(name)
    assert text == (other(name).to_text(omit_final_dot=True) if name != ROOT else ".")
    assert from_text(text) == name.lower()
    assert from_text(text.removesuffix(".") + "." if not text.endswith("\\.") else text + ".") == name.lower()


@given(st.text(st.characters(max_codepoint=0x7F), max_size=80) | st.text("a.\\0129", max_size=30))
@example("a" * 63)
@example("a" * 64)
@example(".".join(["a" * 63] * 3 + ["a" * 61]))
@example(".".join(["a" * 63] * 3 + ["a" * 62]))
def test_text_is_a_name_if_dnspython_says_so(text: str) -> None:
    try:
        expected = wire_of(dns.name.from_text(text)).lower() if text not in ("", "@") else None
    except dns.exception.DNSException:
        expected = None
    if text != "@":  # which dnspython takes for the origin
        assert from_text(text) == expected


@pytest.mark.parametrize("text", ["", "..", ".a", "a..b", "ä", "a\\", "a\\1", "a\\12", "a\\256", "a\\1x2", "\u2488"])
def test_text_that_is_no_name(text: str) -> None:
    assert from_text(text) is None


@given(names)
def test_labels(name: bytes) -> None:
    reference = other(name)
    assert label_count(name) == len(reference.labels) - 1
    assert [name[at + 1 : at + 1 + name[at]] for at in label_offsets(name)] == list(reference.labels[:-1])
    assert parent(name) == (wire_of(reference.parent()) if name != ROOT else ROOT)
    assert lower(name) == wire_of(reference.canonicalize())
    assert wildcard_of(name) == b"\x01*" + name


@given(related_names, related_names)
def test_ancestors(name: bytes, zone: bytes) -> None:
    name, zone = name.lower(), zone.lower()
    assert is_subdomain(name, zone) == other(name).is_subdomain(other(zone))
    common = common_ancestor(name, zone)
    assert is_subdomain(name, common) and is_subdomain(zone, common)
    longer = suffix(name, label_count(common) + 1)
    assert longer == name == common or longer == common or not is_subdomain(zone, longer)


def test_a_suffix_of_octets_is_no_ancestor() -> None:
    # "\003www\001a" inside a label looks like a name from its middle.
    assert not is_subdomain(b"\x06x\x03www\x01a\x00"[:8] + b"\x00", b"\x03www\x00")
    inside = b"\x05x\x01a\x01b\x00"
    assert inside.endswith(b"\x01b\x00") and not is_subdomain(inside, b"\x01b\x00")


@given(related_names, st.integers(-1, 7))
def test_suffix(name: bytes, labels: int) -> None:
    found = suffix(name, labels)
    assert is_subdomain(name, found)
    assert label_count(found) == min(max(labels, 0), label_count(name))


@given(related_names, related_names, names)
def test_replacing_a_suffix(head: bytes, old: bytes, new: bytes) -> None:
    moved = replace_suffix(head[:-1] + old, old, new)
    expected = head[:-1] + new
    assert moved == (expected if len(expected) <= NAME_MAXIMUM else None)


@given(st.lists(related_names | names, max_size=12))
def test_canonical_order(found: list[bytes]) -> None:
    # RFC 4034 section 6.1
    lowered = [name.lower() for name in found]
    ours = sorted(lowered, key=canonical_key)
    assert ours == [wire_of(name) for name in sorted(other(name) for name in lowered)]
    for left, right in itertools.pairwise(ours):
        assert canonical_compare(left, right) == (0 if left == right else -1)
        assert canonical_compare(right, left) == (0 if left == right else 1)


def test_the_example_of_the_rfc() -> None:
    order = r"example a.example yljkjljk.a.example Z.a.example zABC.a.EXAMPLE z.example \001.z.example"
    order += r" *.z.example \200.z.example"
    found = [from_text(text) or b"" for text in order.split()]
    assert sorted(found, key=canonical_key) == found
