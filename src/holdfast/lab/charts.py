"""Charts as SVG text: stacked areas and lines over time, with marks for what happened when. No library, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 44, 44
GRID_LINES = 4
FONT_SIZE = 13
MARK_CHARACTER, MARK_LINE, MARK_LINES, MARK_GAP = 5.8, 13, 4, 6  # of the texts at marks, in their smaller font
LEGEND_CHARACTER, LEGEND_LINE = 7.2, 20  # width of a character and height of a line, in the fonts of STYLE
STYLE = (
    f"text{{font:{FONT_SIZE}px system-ui,sans-serif;fill:#1c2430}}"
    ".axis{fill:#5a6472;font-size:12px}.mark{fill:#5a6472;font-size:11px}"
    ".grid{stroke:#d9dee5;stroke-width:1}.event{stroke:#5a6472;stroke-width:1;stroke-dasharray:3 3}"
)


@dataclass(frozen=True)
class Series:
    """One quantity over time: its name in the legend, its colour, one value for each point of time."""

    title: str
    colour: str
    values: Sequence[float]


@dataclass(frozen=True)
class Mark:
    """A moment worth showing: position in points of time, and a short text."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """What a chart shows. ``labels``: (position, text) of the time axis."""

    title: str
    unit: str
    labels: Sequence[tuple[float, str]]
    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    stacked: bool = False

    def svg(self) -> str:
        """Return the chart as one SVG element."""
        points = max((len(one.values) for one in self.series), default=0)
        top = round_up(self._largest())
        plot = _Plot(points, top)
        places, height = self._legend_places()
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{escape(self.title)}">',
            f'<style>{STYLE}</style><rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="{LEFT}" y="18" font-weight="600">{escape(self.title)}</text>',
            *self._axes(plot),
            *(self._areas(plot) if self.stacked else self._lines(plot)),
            *self._marks(plot),
            *self._legend(places),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _largest(self) -> float:
        if not self.stacked:
            return max((max(one.values, default=0) for one in self.series), default=0)
        return max((sum(values) for values in zip(*(one.values for one in self.series), strict=True)), default=0)

    def _axes(self, plot: "_Plot") -> list[str]:
        parts = []
        for at in range(GRID_LINES + 1):
            value = plot.top * at / GRID_LINES
            y = plot.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text class="axis" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{number(value)}</text>')
        parts.append(f'<text class="axis" x="{LEFT}" y="{TOP - 10}">{escape(self.unit)}</text>')
        for position, text in self.labels:
            x = plot.x(position)
            parts.append(f'<text class="axis" x="{x}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{text}</text>')
        return parts

    def _areas(self, plot: "_Plot") -> list[str]:
        parts = []
        base = [0.0] * plot.points
        for one in self.series:
            upper = [low + value for low, value in zip(base, one.values, strict=True)]
            outline = [plot.point(at, value) for at, value in enumerate(upper)]
            back = [plot.point(at, base[at]) for at in range(plot.points - 1, -1, -1)]
            parts.append(f'<polygon fill="{one.colour}" points="{" ".join(outline + back)}"/>')
            base = upper
        return parts

    def _lines(self, plot: "_Plot") -> list[str]:
        return [
            f'<polyline fill="none" stroke="{one.colour}" stroke-width="2" stroke-linejoin="round" points="'
            + " ".join(plot.point(at, value) for at, value in enumerate(one.values))
            + '"/>'
            for one in self.series
        ]

    def _marks(self, plot: "_Plot") -> list[str]:
        parts = []
        ends = [0.0] * MARK_LINES  # of the last text in each line
        for mark in self.marks:
            x = plot.x(mark.at)
            width = MARK_CHARACTER * len(mark.text)
            anchor = "end" if x + width > WIDTH - RIGHT else "start"
            shift = -4 if anchor == "end" else 4
            begin = x - width if anchor == "end" else x
            line = next((at for at, end in enumerate(ends) if end + MARK_GAP <= begin), ends.index(min(ends)))
            ends[line] = begin + width
            y = TOP + 10 + MARK_LINE * line
            parts.append(f'<line class="event" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
            parts.append(
                f'<text class="mark" x="{x + shift}" y="{y}" text-anchor="{anchor}" paint-order="stroke" '
                f'stroke="#fff" stroke-width="3">{escape(mark.text)}</text>'
            )
        return parts

    def _legend_places(self) -> tuple[list[tuple[float, int]], int]:
        """Return where each entry of the legend stands, and how high the picture is with all its lines."""
        places: list[tuple[float, int]] = []
        x, y = float(LEFT), HEIGHT - 18
        for one in self.series:
            width = 17 + LEGEND_CHARACTER * len(one.title)
            if x + width > WIDTH and x > LEFT:
                x, y = float(LEFT), y + LEGEND_LINE
            places.append((x, y))
            x = round(x + width + 18, 1)
        return places, y + 18

    def _legend(self, places: list[tuple[float, int]]) -> list[str]:
        parts = []
        for one, (x, y) in zip(self.series, places, strict=True):
            parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{one.colour}"/>')
            parts.append(f'<text class="axis" x="{round(x + 17, 1)}" y="{y + 10}">{escape(one.title)}</text>')
        return parts


class _Plot:
    """From values to places in the picture, rounded so that the same values are the same octets everywhere."""

    def __init__(self, points: int, top: float) -> None:
        self.points = points
        self.top = top or 1.0

    def x(self, position: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * position / max(1, self.points - 1), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, self.top) / self.top, 1)

    def point(self, position: float, value: float) -> str:
        return f"{self.x(position)},{self.y(value)}"


def round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 4, 5, 6, 8 times a power of ten: ends of axes that people can read."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power > value:
        power /= 10
    return next((step * power for step in (1, 2, 2.5, 4, 5, 6, 8, 10) if step * power >= value), 10 * power)


def number(value: float) -> str:
    """Return a number for an axis: no more digits than it needs, thousands apart."""
    return f"{value:,.0f}".replace(",", "\u202f") if value == int(value) else f"{value:g}"
