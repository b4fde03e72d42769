"""Charts as PNG: readable, whole, the same each time; and what happens without the libraries that draw them."""

import struct
import sys
import zlib

import pytest

from holdfast.lab.charts import HEIGHT, MARK_LINES, WIDTH, Chart, Mark, Series
from holdfast.lab.pictures import SCALE, png_of

RED = (0xC0, 0x3A, 0x2B)
CHART = Chart(
    "Queries", "per minute", [(0, "19:00"), (5, "19:05")], [Series("SERVFAIL", "#c03a2b", [2.0] * 6)], stacked=True
)


def pixels(picture: bytes) -> list[bytes]:
    """Rows of RGBA octets of a PNG as resvg writes it: eight bits, not interlaced."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour = struct.unpack(">IIBB", picture[16:26])
    assert (width, height, depth, colour) == (WIDTH * SCALE, HEIGHT * SCALE, 8, 6)
    packed, at = b"", 8
    while at < len(picture):
        length, kind = struct.unpack(">I4s", picture[at : at + 8])
        packed += picture[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    octets, stride, rows = zlib.decompress(packed), width * 4, [bytes(width * 4)]
    for row in range(height):
        line = octets[row * (stride + 1) : (row + 1) * (stride + 1)]
        rows.append(unfiltered(line[0], line[1:], rows[-1]))
    return rows[1:]


def unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    """Undo one of the five filters of PNG."""
    out = bytearray(line)
    for at, value in enumerate(line):
        left, up, corner = (out[at - 4] if at > 3 else 0), above[at], (above[at - 4] if at > 3 else 0)
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda one: abs(guess - one))
        out[at] = (value + (0, left, up, (left + up) // 2, nearest)[kind]) & 0xFF
    return bytes(out)


def test_a_picture_shows_the_chart_and_its_texts_the_same_each_time() -> None:
    picture = png_of(CHART.svg())
    assert picture is not None
    assert picture == png_of(CHART.svg())
    rows = pixels(picture)
    middle = rows[HEIGHT * SCALE // 2][WIDTH * SCALE * 2 :][:3]  # the area fills the plot up to its highest value
    assert tuple(middle) == RED
    title = b"".join(row[: WIDTH * 2] for row in rows[8:44])
    assert len(set(title)) > 20  # letters, smoothed


def test_without_the_libraries_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert png_of(CHART.svg()) is None


def test_texts_of_marks_that_are_close_stand_in_lines_of_their_own() -> None:
    marks = [Mark(at / 10, f"19:0{at} something happens") for at in range(MARK_LINES)]
    svg = Chart("t", "u", [], [Series("a", "#000000", [1.0] * 60)], marks).svg()
    heights = [part.split('y="')[1].split('"')[0] for part in svg.split('<text class="mark"')[1:]]
    assert len(set(heights)) == MARK_LINES
