"""Drawings as SVG, with no library: sequences of messages, and figures over time. Black and white is enough."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

INK, PALE, ACCENT, OTHER = "#1a1a1a", "#9a9a9a", "#0b5394", "#b45309"
LETTER = 6.6
"""Width of one, at the size of labels."""
ROW, TOP, LEFT, LANE = 27, 70, 74, 178
GAP = 40
"""Of a step's line, in the drawing's units: so long without a point, it is interrupted."""
STYLE = (
    f"text{{font:12px ui-sans-serif,system-ui,sans-serif;fill:{INK}}}"
    f".name{{font-weight:600}}.time{{font-size:11px;fill:#555}}"
    f".line{{stroke:{INK};stroke-width:1.3;fill:none}}.life{{stroke:{PALE};stroke-dasharray:2 4}}"
)


@dataclass(frozen=True)
class Message:
    """From one lane to another, or (`to` is None) something that happens in one."""

    at_ms: float
    source: str
    to: str | None
    text: str
    is_emphasized: bool = False


def sequence(title: str, lanes: Sequence[str], messages: Sequence[Message]) -> str:
    """One row for each message, in order of time, and the milliseconds since the first at the left."""
    places = {lane: LEFT + LANE * number + LANE / 2 for number, lane in enumerate(lanes)}
    ends = [places[each.source] + LETTER * len(each.text) for each in messages if each.to is None]
    width = max([LEFT + LANE * len(lanes), *ends]) + 20
    height = TOP + ROW * len(messages) + 24
    parts = [_text(12, 24, title, "name")]
    for lane, x in places.items():
        parts.append(_text(x, 50, lane, "name", "middle"))
        parts.append(f'<line class="life" x1="{x:.0f}" y1="58" x2="{x:.0f}" y2="{height - 12}"/>')
    for number, message in enumerate(sorted(messages, key=lambda each: each.at_ms)):
        y = TOP + ROW * number + 16
        parts.append(_text(12, y + 4, f"{message.at_ms:.1f} ms", "time"))
        parts += _drawn(message, places, y)
    return document(title, width, height, parts)


def _drawn(message: Message, places: dict[str, float], y: float) -> list[str]:
    kind = "name" if message.is_emphasized else ""
    x = places[message.source]
    if message.to is None:
        shape = f'<rect x="{x - 4:.0f}" y="{y - 4}" width="8" height="8" fill="{ACCENT if kind else INK}"/>'
        return [shape, _label(x + 10, y + 4, message.text, kind)]
    end = places[message.to]
    tip = end - 2 if end > x else end + 2
    line = f'<line class="line" x1="{x:.0f}" y1="{y}" x2="{tip:.0f}" y2="{y}" marker-end="url(#tip)"/>'
    return [line, _label(min(x, end) + 12, y - 4, message.text, kind)]


def _label(x: float, y: float, text: str, kind: str) -> str:
    """On a white ground: a lane's line may pass behind it."""
    width = LETTER * len(text)
    ground = (
        f'<rect x="{x - 2:.0f}" y="{y - 10:.0f}" width="{width:.0f}" height="13" fill="#fff" fill-opacity=".85"/>'
    )
    return ground + _text(x, y, text, kind)


@dataclass(frozen=True)
class Series:
    """Points over time, in seconds; `is_step`: joined by a line that keeps its height until the next one."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str = ACCENT
    is_step: bool = False


@dataclass
class Figure:
    """Series over time, and what happened when."""

    title: str
    unit: str
    series: Sequence[Series]
    events: Sequence[tuple[float, str]] = field(default_factory=list)
    width: int = 860
    height: int = 250

    def drawn(self) -> str:
        """Events stand below, numbered as they are in the figure."""
        left, top, right = 70, 56, 20
        bottom = top + self.height
        every = [point for series in self.series for point in series.points]
        last = max([when for when, _ in every] + [when for when, _ in self.events])
        low, high = round_scale(min(value for _, value in every), max(value for _, value in every))

        def place(when: float, value: float) -> tuple[float, float]:
            span = self.width - left - right
            return left + span * when / last, bottom - (self.height - 10) * (value - low) / (high - low)

        parts = [_text(12, 24, self.title, "name"), _text(12, 44, self.unit, "time")]
        parts.append(f'<path class="line" d="M{left} {top}V{bottom}H{self.width - right}"/>')
        for value in (low, (low + high) / 2, high):
            parts.append(_text(left - 8, place(0, value)[1] + 4, f"{value:g}", "time", "end"))
        for second in range(int(last) + 1):
            parts.append(_text(place(second, low)[0], bottom + 16, f"{second} s", "time", "middle"))
        for number, (when, _) in enumerate(self.events, start=1):
            x = place(when, low)[0]
            parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="{PALE}"/>')
            parts.append(_text(x, top - 4 - 12 * (number % 2), str(number), "name", "middle"))
        for number, series in enumerate(self.series):
            parts += _points(series, [place(*point) for point in series.points], is_hollow=number > 0)
            parts.append(_legend(left + 160 * number, bottom + 38, series, is_hollow=number > 0))
        for number, (when, text) in enumerate(self.events, start=1):
            y = bottom + 44 + 18 * number
            parts += [
                _text(left, y, str(number), "name"),
                _text(left + 20, y, f"{when:.2f} s"),
                _text(left + 66, y, text),
            ]
        return document(self.title, self.width, bottom + 62 + 18 * len(self.events), parts)


def round_scale(low: float, high: float) -> tuple[float, float]:
    """Round numbers around these; from 0, unless that would leave half of the figure empty."""
    low = 0.0 if low < high / 2 else low
    unit = 10.0 ** math.floor(math.log10(max(high - low, 1)))
    step = next(step for step in (unit / 5, unit / 2, unit, 2 * unit) if (high - low) / step <= 10)
    return step * math.floor(low / step), step * math.ceil(max(high, low + step) / step)


def _points(series: Series, places: Sequence[tuple[float, float]], *, is_hollow: bool) -> list[str]:
    if series.is_step:
        dash = 'stroke-dasharray="6 4"' if is_hollow else ""
        path = f"M{places[0][0]:.1f} {places[0][1]:.1f}"
        for (x, y), (before, _) in zip(places[1:], places, strict=False):
            path += f"M{x:.1f} {y:.1f}" if x > before + GAP else f"H{x:.1f}V{y:.1f}"
        return [f'<path d="{path}" fill="none" stroke="{series.colour}" stroke-width="2.2" {dash}/>']
    fill = "#fff" if is_hollow else series.colour
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="{series.colour}"/>' for x, y in places]


def _legend(x: float, y: float, series: Series, *, is_hollow: bool) -> str:
    (shape,) = _points(Series("", [], series.colour, series.is_step), [(x, y), (x + 24, y)][: 1 + series.is_step],
                       is_hollow=is_hollow)  # fmt: skip
    return shape + _text(x + 30, y + 4, series.name)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def document(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    """A whole file. White, so that it can be read on a dark page, too."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>',
            '<rect width="100%" height="100%" rx="6" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )
