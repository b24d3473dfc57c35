"""Watches what replicas say, and tells the journal when a copy leaves or rejoins, or a process is a new one."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bookstore_project.nodes.balancing.checks import Checker
from bookstore_project.settings import topology
from frontend_app.monitoring.journal import Journal


def told_of(service: str, checkers: Sequence[Checker]) -> dict[str, Any]:
    """The newest that any replica has said of its service; empty before any did.

    Both see the same agreement: one that is out can't speak for itself, but the other one can.
    """
    told = [checker.status for checker in checkers if checker.node.service == service and checker.status]
    return max(told, key=lambda status: (status.get("epoch") or 0, status.get("floor") or 0), default={})


@dataclass
class Observer:
    """Compares what is told with what was told before. Thread-safe."""

    checkers: Sequence[Checker]
    journal: Journal
    _out: dict[str, dict[str, str]] = field(default_factory=dict)
    _repaired: dict[str, dict[str, Any]] = field(default_factory=dict)
    _pids: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> None:
        """Once a replica has said something new. What was so before the first look isn't news."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        for service in topology.SERVICES:
            told = told_of(service, self.checkers)
            if told:
                self._compare(service, told)
        for checker in self.checkers:
            self._note_process(checker.node.name, checker.status.get("pid"))

    def _note_process(self, name: str, pid: Any) -> None:
        """One that is killed may be back before anybody asked it anything."""
        old = self._pids.get(name)
        if old is not None and pid not in (None, old):
            self.journal.event(name, f"began anew: process {pid} instead of {old}", kind="anew")
        self._pids[name] = pid if pid is not None else old

    def _compare(self, service: str, told: dict[str, Any]) -> None:
        out: dict[str, str] = told.get("out") or {}
        repair: dict[str, Any] = told.get("last_repair") or {}
        is_first = service not in self._repaired
        before = self._out.get(service, {})
        for alias in sorted(out.keys() - before.keys()):
            others = [name for name in topology.database_aliases(service) if name not in out]
            text = f"is out of sync: {_sentence(out[alias])}{_goes_on(others)}"
            self.journal.event(alias, text, kind="out-of-sync")
        is_repair_new = not is_first and repair != self._repaired[service]
        returned = before.keys() - out.keys()
        if is_repair_new and repair.get("alias"):
            means = "log" if repair.get("means") == "log" else "copy"
            self.journal.event(str(repair["alias"]), _rejoined(repair), kind=f"repaired-by-{means}")
            returned -= {repair["alias"]}
        for alias in sorted(returned):
            self.journal.event(alias, "is in sync again", kind="in-sync")
        self._out[service] = out
        self._repaired[service] = repair


def _sentence(reason: str) -> str:
    return reason.rstrip(".") or "no reason is known"


def _goes_on(others: Sequence[str]) -> str:
    return f" → the store goes on with {' and '.join(others)}" if others else " → no copy is in sync"


def _rejoined(repair: dict[str, Any]) -> str:
    """`rejoined by log, 214 entries, 80 ms`."""
    entries = repair.get("entries")
    count = f"{entries} {'entry' if entries == 1 else 'entries'}, " if isinstance(entries, int) else ""
    return f"rejoined by {repair.get('means', 'repair')}, {count}{repair.get('ms', '?')} ms"
