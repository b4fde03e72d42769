"""The files in which the states of trust anchors are kept: one for each zone, whatever its name is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns.name import NAME_MAXIMUM, ROOT
from holdfast.server.anchor_state import anchor_state_path, write_anchor_state
from tests.support.dnssec_records import wire_name

LABEL = st.binary(min_size=1, max_size=63).map(bytes.lower)


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


NAMES = st.lists(LABEL, max_size=4).map(wire).filter(lambda name: len(name) <= NAME_MAXIMUM)


@pytest.mark.parametrize(
    ("zone", "file"),
    [
        (ROOT, "trust-anchor-root.txt"),
        (wire_name("root"), "trust-anchor-%72oot.txt"),
        (wire_name("corp.example"), "trust-anchor-corp.example.txt"),
        (wire_name("_a-b.example"), "trust-anchor-_a-b.example.txt"),
        (wire([b"0/25", b"2", b"0", b"192"]), "trust-anchor-0%2F25.2.0.192.txt"),
    ],
)
def test_which_file_a_zone_has(tmp_path: Path, zone: bytes, file: str) -> None:
    assert anchor_state_path(tmp_path, zone) == tmp_path / file


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_no_two_zones_share_a_file_and_every_file_can_be_made(names: list[bytes]) -> None:
    one, other = (anchor_state_path(Path("/"), name) for name in names)
    assert one != other
    for path in (one, other):
        assert path.parent == Path("/") and len(path.name.encode()) <= 255 and path.name.isprintable()


@pytest.mark.parametrize("other", ["root", "a_b.example", "example", ".".join(["x" * 63] * 3)])
def test_the_states_of_two_zones_stay_apart(tmp_path: Path, other: str) -> None:
    zones = [ROOT, wire_name(other), wire([b"a/b", b"example"])]
    for zone in zones:
        write_anchor_state(tmp_path, zone, repr(zone))
    assert [anchor_state_path(tmp_path, zone).read_text() for zone in zones] == [repr(zone) for zone in zones]
