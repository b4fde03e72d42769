"""RFC 9156 section 2.3: how names are shown step by step."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.limits import MINIMISATION_STEPS, MINIMISE_ONE_LABEL
from holdfast.dns.name import is_subdomain, label_count, suffix
from holdfast.resolve.qname_minimisation import minimised


def name_of(labels: int) -> bytes:
    return b"".join(b"\x01" + bytes([97 + number % 26]) for number in range(labels)) + b"\x00"


def steps(name: bytes, zone: bytes) -> list[bytes]:
    """What a server of ``zone`` is asked as long as it always says that there is more below."""
    asked = []
    shown = label_count(zone)
    for step in range(200):
        asked.append(minimised(name, zone, shown, step))
        if asked[-1] == name:
            return asked
        shown = label_count(asked[-1])
    raise AssertionError("never shows the whole name")


def test_one_label_at_first() -> None:
    asked = steps(name_of(8), name_of(8)[-3:])
    assert [label_count(one) for one in asked[:MINIMISE_ONE_LABEL]] == [2, 3, 4, 5]


def test_the_name_just_below_the_zone_is_shown_at_once() -> None:
    name = name_of(2)
    assert steps(name, suffix(name, 1)) == [name]


@given(st.integers(1, 127), st.data())
def test_every_name_is_shown_in_bounded_steps(labels: int, data: st.DataObject) -> None:
    name = name_of(labels)
    zone = suffix(name, data.draw(st.integers(0, labels)))
    asked = steps(name, zone)
    assert len(asked) <= MINIMISATION_STEPS + 1
    assert asked[-1] == name
    counts = [label_count(one) for one in asked]
    assert counts == sorted(set(counts))
    assert all(is_subdomain(name, one) for one in asked)
