"""A run as a sequence diagram, as text and as SVG: who asked whom, what was answered, and what happened to them."""

import re
from collections.abc import Sequence

from tests.chaos.history import NEVER, Operation
from tests.drawings.points import POINTS
from tests.drawings.svg import Message, sequence
from tests.simulation.processes import Process
from tests.simulation.replay import FAULTS, asked_for
from tests.simulation.watching import Watcher

CUSTOMERS = "customers"
MS = 1_000_000
EVERYDAY = ("/internal/status/", "/internal/leases/", "/internal/missed/")
"""What nodes ask one another all the time."""
PUSHED = re.compile(r"POST /internal/push/ (\d+) .*\((.*?)\)")
MOST = 400
"""Rows of a diagram."""


class Diagram(Watcher):
    """Keeps what is drawn of a run: wishes, answers, calls, faults, and the steps of writes."""

    def __init__(self) -> None:
        self._rows: list[Message] = []
        self._everyday: set[int] = set()

    def step(self, at_ns: int, process: Process, actor: int, name: str) -> None:
        if (text := POINTS.get(name)) is not None:
            self._add(at_ns, process.name, None, text)

    def note(self, at_ns: int, what: str) -> None:
        word, _, about = what.partition(" ")
        if word == "fault":
            kind, _, more = about.partition(": ")
            node = more.split()[0] if kind in ("kill", "stop") else CUSTOMERS
            self._add(at_ns, node, None, f"FAULT: {FAULTS.get(kind, kind)} ({more})", is_emphasized=True)
        elif word in ("start", "serving", "continue") and about != CUSTOMERS:
            self._add(at_ns, about, None, {"start": "begins", "serving": "serves", "continue": "goes on"}[word])

    def message(self, at_ns: int, sender: str, receiver: str, call: int, what: str, arrives: Sequence[int]) -> None:
        if any(path in what for path in EVERYDAY):
            self._everyday.add(call)
        elif call not in self._everyday:
            self._add(at_ns, sender, receiver, what if arrives else f"{what} (lost)", is_emphasized=not arrives)

    def log(self, at_ns: int, node: str, line: str) -> None:
        if match := PUSHED.match(line):
            self._add(at_ns, node, None, f"push: {match[2]}" + ("" if match[1] == "200" else ", and refuses"))

    def end(self, operations: Sequence[Operation]) -> None:
        """What customers asked for, and what they were told."""
        calls = {(one.actor, one.invoked): one for one in operations}
        for one in calls.values():
            self._rows.append(Message(one.invoked * 1000, CUSTOMERS, None, f"{one.actor} {asked_for(one.asked)}"))
            if one.responded != NEVER:
                shown = f", version {one.state.version}, {one.state.quantity} copies" if one.state else ""
                refusal = f" ({one.note})" if one.outcome == "refused" else ""
                said = f"{one.actor} hears: {one.outcome}{refusal}{shown}"
                self._rows.append(Message(one.responded * 1000, CUSTOMERS, None, said, is_emphasized=True))
        # What customers do begins and ends what is drawn: before and after, the store keeps itself alive.
        times = [row.at_ms for row in self._rows if CUSTOMERS in (row.source, row.to)]
        drawn = [row for row in self._rows if min(times) <= row.at_ms <= max(times)] if times else []
        self._rows = sorted(drawn, key=lambda row: row.at_ms)[:MOST]

    def _add(self, at_ns: int, source: str, to: str | None, text: str, *, is_emphasized: bool = False) -> None:
        self._rows.append(Message(at_ns / MS, source, to, text, is_emphasized))

    # ---------------------------------------------------------------------------------------- drawn

    def lanes(self) -> list[str]:
        """Those that have something to show, the customers first."""
        seen = {lane for row in self._rows for lane in (row.source, row.to) if lane}
        kinds = (CUSTOMERS, "front", "order", "catalog")
        return sorted(seen, key=lambda lane: (kinds.index(lane.partition("-")[0]), lane))

    def svg(self, title: str) -> str:
        return sequence(title, self.lanes(), self._rows)

    def text(self) -> list[str]:
        """A line for each row: when, who, to whom, what."""
        lines = []
        for row in self._rows:
            who = f"{row.source} -> {row.to}" if row.to else row.source
            lines.append(f"{row.at_ms:9.1f} ms  {'!' if row.is_emphasized else ' '} {who:22} {row.text}")
        return lines
