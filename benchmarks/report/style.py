"""How all drawings look: the same on white, on black, and printed without colours.

Series differ by line and hatching as well as by colour, and their colours by brightness. In the page the colours are
CSS
variables, so that one drawing serves light and dark. The files of their own have the light colours.
"""

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

WIDTH_IN, HEIGHT_IN = 7.6, 3.3
DPI = 144
INK, FAINT, PAPER = "#1c2126", "#c3c8cd", "#ffffff"
COLOURS = ("#123f66", "#d9791a", "#5fa8d3", "#8c2f39")
LINES = ("-", "--", "-.", ":")
HATCHES = ("", "//", "..", "xx")
MARKERS = ("o", "s", "^", "D")
VARIABLES = {INK: "--ink", FAINT: "--faint", PAPER: "--paper"} | {
    colour: f"--s{number}" for number, colour in enumerate(COLOURS, start=1)
}
LIGHT = {variable: colour for colour, variable in VARIABLES.items()}
DARK = {
    "--ink": "#e6e9ec",
    "--faint": "#4a525a",
    "--paper": "#15191d",
    "--s1": "#8cc8ff",
    "--s2": "#ffae57",
    "--s3": "#4f88b0",
    "--s4": "#ff8f9c",
}
_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.7,
    "hatch.color": PAPER,
    "lines.linewidth": 1.6,
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
}
mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]  # It lists all names that there are.


def figure(
    rows: int = 1, columns: int = 1, *, height_in: float = 0.0, **options: object
) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row; `options` are those of `Figure.subplots`."""
    made = Figure(figsize=(WIDTH_IN, height_in or HEIGHT_IN * (1 + 0.75 * (rows - 1))), layout="constrained")
    made.patch.set_alpha(0)
    axes = made.subplots(rows, columns, squeeze=False, **options)  # type: ignore[call-overload]  # Of many types.
    return made, [each for row in axes for each in row]


def plain_logarithm(axis: XAxis | YAxis) -> None:
    """1, 10, 100 instead of powers, and a 2 and a 5 between them where there is room."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    low, high = axis.get_view_interval()
    subs = (2.0, 5.0) if high < 100 * low else ()
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, *subs)))


def svg(made: Figure) -> str:
    """A file of its own, in the light colours. Everything has its place then, and keeps it."""
    kept = io.StringIO()
    made.savefig(kept, format="svg", metadata={"Date": None, "Creator": None})
    made.set_layout_engine("none")  # To find the places anew would take a third of drawing it once more.
    return kept.getvalue()


def png(made: Figure) -> bytes:
    kept = io.BytesIO()
    made.savefig(kept, format="png", dpi=DPI, facecolor=PAPER)
    return kept.getvalue()


def inline(text: str) -> str:
    """The same SVG as a part of a page that sets the variables; without what only files need."""
    inner = text[text.index("<svg") :]
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', inner, count=1)
    inner = re.sub(r' id="(?:figure|axes|patch|line2d|matplotlib\.axis|xtick|ytick|text|legend)_\d+"', "", inner)
    for colour, variable in VARIABLES.items():
        inner = inner.replace(colour, f"var({variable})")
    return re.sub(r"\n\s*", "\n", inner)
