"""Finds what all nodes' logs say about one request, whichever format they are in.

A purchase that was cut short is finished later, by work that has an id of its own: what such lines have in common
with the request's is the order that they name.
"""

import json
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

PLAIN = re.compile(r"(\d\d:\d\d:\d\d\.\d{3}) (.*?)(?:  \[([A-Za-z0-9._:-]{1,128})\])?")
"""As nodes.logs.TextFormatter writes: the time of day, the text, the id."""
TIME_OF_DAY = re.compile(r"\d\d:\d\d:\d\d\.\d{3} ")
ORDER = re.compile(r"\border ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")
"""An order, as remarks and warnings name it."""


@dataclass
class Line:
    """One record of a node's log, with the lines that belong to it (a traceback)."""

    node: str
    at: datetime
    """Of this machine's own time."""
    text: str
    request_id: str
    more: list[str] = field(default_factory=list)

    @property
    def orders(self) -> set[str]:
        return set(ORDER.findall(self.text))

    def __str__(self) -> str:
        head = f"{self.at.isoformat(sep=' ', timespec='milliseconds')}  {self.node:<9}  {self.text}"
        return "\n".join([f"{head}  [{self.request_id}]" if self.request_id else head, *self.more])


def trace(log_dir: Path, wanted: str) -> list[Line]:
    """The lines of a request, or of an order by its id, and those that name the same orders; in order of time.

    Raises OSError if a log can't be read.
    """
    found = [line for line in _lines(log_dir, {wanted}) if wanted == line.request_id or wanted in line.orders]
    orders: set[str] = set().union(*(line.orders for line in found))
    requests = {wanted} | {line.request_id for line in found if line.request_id and wanted in line.orders}
    if orders:
        found = [
            line
            for line in _lines(log_dir, requests | orders)
            if line.request_id in requests or not orders.isdisjoint(line.orders)
        ]
    return sorted(found, key=lambda line: line.at)


def _lines(log_dir: Path, tokens: Set[str]) -> Iterator[Line]:
    """The records of all nodes in which one of these stands; of each node, those put aside come first."""
    for path in (*sorted(log_dir.glob("*.log.1")), *sorted(log_dir.glob("*.log"))):
        yield from _lines_of(path, tokens)


def _lines_of(path: Path, tokens: Set[str]) -> Iterator[Line]:
    node, calendar = path.name.partition(".log")[0], Calendar(_first_day(path))
    current: Line | None = None
    with path.open(errors="replace") as file:
        for raw in file:
            text = raw.rstrip("\n")
            is_plain = TIME_OF_DAY.match(text) is not None
            if not is_plain and not text.startswith("{"):
                if current is not None:
                    current.more.append(text)
                continue
            if current is not None:
                yield current
            current = None
            day = calendar.day_of(text) if is_plain else None
            if any(token in text for token in tokens):
                current = _plain_line(node, day, text) if day else _json_line(node, text)
    if current is not None:
        yield current


def _plain_line(node: str, day: date, text: str) -> Line | None:
    match = PLAIN.fullmatch(text)
    if match is None:
        return None
    at = datetime.combine(day, time.fromisoformat(match[1]))
    return Line(node, at, match[2], match[3] or "")


def _json_line(node: str, text: str) -> Line | None:
    """None for what isn't a record of ours, a line that a crash has cut among it."""
    try:
        entry = json.loads(text)
        at = datetime.fromisoformat(entry["at"]).astimezone(UTC).replace(tzinfo=None)
        level, message = str(entry["level"]), str(entry["message"])
    except (ValueError, LookupError, TypeError):
        return None
    prefix = "" if level == "info" else f"{level}: "
    return Line(node, at, prefix + message, str(entry["request_id"]), str(entry.get("exception", "")).splitlines())


class Calendar:
    """Plain lines don't tell their day: one that is more than half a day earlier than its forerunner is of the next.

    So a log that was silent for a day or longer has the lines before that dated too late.
    """

    def __init__(self, first: date) -> None:
        self.day = first
        self._before = ""

    def day_of(self, line: str) -> date:
        """The day of the next line, which begins with its time."""
        now = line[:8]
        if self._before and _seconds(self._before) - _seconds(now) > 12 * 3600:
            self.day += timedelta(days=1)
        self._before = now
        return self.day


def _seconds(clock: str) -> int:
    return int(clock[:2]) * 3600 + int(clock[3:5]) * 60 + int(clock[6:8])


def _first_day(path: Path) -> date:
    """The day of a log's first line, counted back from when the file was written last."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    calendar = Calendar(date.min)
    with path.open(errors="replace") as file:
        for raw in file:
            if TIME_OF_DAY.match(raw):
                calendar.day_of(raw)
    calendar.day_of(written.strftime("%H:%M:%S"))
    return written.date() - (calendar.day - date.min)
