"""Charts as PNG, drawn from their SVG by resvg with a font that comes along: the same octets on every machine.

Needs the extra ``lab``; without it a replay has its charts as SVG only.
"""

from importlib.resources import files

from holdfast.lab.charts import FONT_SIZE, WIDTH

SCALE = 2  # sharp on screens of today, and in print
FONT, FACES = "Roboto", ("Roboto-Regular.ttf", "Roboto-Bold.ttf")


def png_of(svg: str) -> bytes | None:
    """Return a picture of an SVG element; None: the libraries of the extra ``lab`` are not installed."""
    try:
        from resvg_py import svg_to_bytes

        folder = files("font_roboto") / "files"
    except ImportError:
        return None
    return bytes(
        svg_to_bytes(
            svg_string=svg,
            width=WIDTH * SCALE,
            background="white",
            skip_system_fonts=True,
            font_files=[str(folder / face) for face in FACES],
            font_family=FONT,
            sans_serif_family=FONT,
            font_size=FONT_SIZE,
        )
    )
