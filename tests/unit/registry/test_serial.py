"""Serial arithmetic (RFC 1982 section 3.2) and the conventions of operators."""

import pytest

from holdfast.registry.serial import is_ahead, next_serial

NOW = 1_778_000_000


@pytest.mark.parametrize(
    ("current", "convention", "expected"),
    [
        (5, "increment", 6),
        (0xFFFFFFFF, "increment", 0),
        (5, "unixtime", NOW),
        (NOW, "unixtime", NOW + 1),
        (NOW + 5, "unixtime", NOW + 6),
        (5, "date", 2026050500),
        (2026050500, "date", 2026050501),
        (2026050599, "date", 2026050600),
        (2026050600, "date", 2026050601),
    ],
)
def test_next(current: int, convention: str, expected: int) -> None:
    assert next_serial(current, convention, NOW) == expected
    assert is_ahead(expected, current)


def test_ahead_is_less_than_half_the_circle() -> None:
    assert is_ahead(1, 0xFFFFFFFF)
    assert not is_ahead(7, 7)
    assert not is_ahead(0x80000007, 7)
    assert not is_ahead(6, 7)
