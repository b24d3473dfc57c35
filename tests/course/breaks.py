"""A plugin of pytest that runs each test once as the store is, and once with each break of its coherence.

The last line that it writes begins with MARK, and tells as JSON how each test ended: its name, the break (empty:
none), and what was seen. `seen` is null where the test passed, and begins with AssertionError where it found
something.
"""

import json
from collections.abc import Callable, Generator

import pytest
from _pytest.terminal import TerminalReporter

from frontend_app.cache.coherence import Cache, Coherence, View
from frontend_app.cache.entries import READY, CacheEntry, Ready, ready

MARK = "breaks:"

Break = Callable[[pytest.MonkeyPatch], None]


def no_floor_check(patch: pytest.MonkeyPatch) -> None:
    def find(self: Coherence, cache: Cache, key: str, floor_key: str) -> Ready | None:
        found = _kept(cache, key) if self.clock() < self.lease_until else None
        return found if found is not None and found.timeline == self.timeline else None

    patch.setattr(View, "admits", lambda self, asof, timeline: timeline == self.timeline)
    patch.setattr(Coherence, "find", find)


def floors_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """As soon as the key has a new entry: then that entry's own position seems to be enough."""
    set_all = Coherence._set

    def _set(self: Coherence, entries: list[tuple[str, CacheEntry]]) -> None:
        set_all(self, entries)
        for key, _ in entries:
            self.floors._of_key.pop(key, None)

    patch.setattr(Coherence, "_set", _set)


def no_lease(patch: pytest.MonkeyPatch) -> None:
    def find(self: Coherence, cache: Cache, key: str, floor_key: str) -> Ready | None:
        found = _kept(cache, key)
        return found if found is not None and self.view(floor_key).admits(found.asof, found.timeline) else None

    patch.setattr(Coherence, "view", lambda self, key: View(True, self.timeline, self.floors.of(key)))
    patch.setattr(Coherence, "find", find)


BREAKS: dict[str, Break] = {
    "": lambda patch: None,
    "no floor check": no_floor_check,
    "floors are forgotten": floors_are_forgotten,
    "no lease": no_lease,
}


@pytest.fixture(autouse=True, params=list(BREAKS.values()), ids=list(BREAKS))
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is broken so for the test."""
    request.param(monkeypatch)


def _kept(cache: Cache, key: str) -> Ready | None:
    value = cache.get(key)
    return (READY.known.get(value) or ready(value)) if type(value) is bytes else None


_ended: list[dict[str, str | None]] = []


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """A Redis isn't asked for: the front's own memory will do."""
    items[:] = [item for item in items if item.callspec.params.get("make_cache") != "redis"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" or call.excinfo:
        applied = item.callspec.params["broken"]
        name = next(name for name, each in BREAKS.items() if each is applied)
        seen = f"{call.excinfo.typename}: {call.excinfo.value}".splitlines()[0] if call.excinfo else None
        _ended.append({"test": item.originalname, "break": name, "seen": seen})
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    terminalreporter.write_line(MARK + json.dumps(_ended))
