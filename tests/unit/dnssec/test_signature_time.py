"""Unit tests of holdfast.dnssec.signature_time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.dnssec.signature_time import seconds_between, signature_time_text, utc_text


@settings(deadline=None)
@given(st.integers(0, 253402300799))
def test_utc_text_agrees_with_datetime(wall_s: int) -> None:
    assert utc_text(wall_s) == datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


@pytest.mark.parametrize(
    ("wall_s", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_777_999_800, "2026-05-05T16:50:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ],
)
def test_utc_text(wall_s: int, text: str) -> None:
    assert utc_text(wall_s) == text


@settings(deadline=None)
@given(st.integers(0, 2**40), st.integers(-(2**31) + 1, 2**31 - 1))
def test_seconds_between_survives_the_wrap(now_s: int, distance_s: int) -> None:
    assert seconds_between(now_s & 0xFFFFFFFF, (now_s + distance_s) & 0xFFFFFFFF) == distance_s


def test_the_text_is_of_the_nearest_moment() -> None:
    assert signature_time_text(10, 0xFFFFFFFF) == "2106-02-07T06:28:26Z"
    assert signature_time_text(0xFFFFFFFF, 0x100000000 + 5) == "2106-02-07T06:28:15Z"
