"""`make demo` as a process: it shows everything, fails where something isn't so, and leaves nothing behind."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bookstore_project.api import headers
from bookstore_project.nodes.tool_client import Answer
from demo import __main__ as program_of_demo
from demo import shop as shop_of_demo
from demo.shop import CACHE_SIZE
from demo.steps import read_twice
from demo.telling import NotSo, Teller, table
from tests import programs, tool
from tests.on_postgresql import BINARIES, PACKAGE, program
from tests.store import QUICK_LOGINS, ROOT, Store
from tests.waiting import PATIENCE_S, wait_for

DEMO = [sys.executable, "-m", "demo"]
AT_MOST_S = 10 * PATIENCE_S
"""Less than a minute where nothing else runs: nobody waits for its end."""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The demo, with this folder for what it writes."""
    environment = os.environ | {"TMPDIR": str(folder)}
    return subprocess.Popen(
        [*DEMO, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def assert_nothing_left(folder: Path) -> None:
    assert list(folder.iterdir()) == []
    wait_for(lambda: not _processes_in(folder), 10, "the end of what the demo started")


def _processes_in(folder: Path) -> list[str]:
    wanted = f"BOOKSTORE_DATA={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:  # It has ended, or is somebody else's.
            continue
    return found


def test_it_shows_every_step_with_the_rows_of_both_databases(tmp_path: Path) -> None:
    demo = start(tmp_path)
    told, _ = demo.communicate(timeout=AT_MOST_S)
    assert demo.returncode == 0, told
    for said in (
        "the cache is faster",
        "purchases went to order-1 and order-2 strictly in turn",
        "both databases have the new price",
        "stands in both order databases",
        "book 2 went, and nothing else",
        "kill -9",
        "catalog-2 rejoined by copy",
        "in every table",
    ):
        assert said in told
    assert "catalog-1/catalog.sqlite3" in told
    assert "order-2/order.sqlite3" in told
    assert "✗" not in told
    assert "\x1b" not in told, "colours are for terminals"
    assert_nothing_left(tmp_path)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, prepared: Path) -> Callable[..., tuple[int, str]]:
    """The demo in this process, on a store like those of other tests: its exit status, and what it has told."""

    def show(folder: Path, *arguments: str) -> tuple[int, str]:
        @contextmanager
        def running(*_: Any, **__: Any) -> Iterator[Any]:
            ticker = SimpleNamespace(heard=int, doing=lambda what: None)
            yield SimpleNamespace(folder=folder, begin=lambda what: None, ticker=ticker)

        def quick_store(data: Path, environment: dict[str, str]) -> Store:
            begun = None if "BOOKSTORE_DATABASE_URL" in environment else prepared
            return Store(data, environment=environment | QUICK_LOGINS, prepared=begun, is_forked=True)

        out = io.StringIO()
        monkeypatch.setattr(sys, "argv", ["demo", *arguments])
        monkeypatch.setattr(tool, "running", running)
        monkeypatch.setattr(program_of_demo, "Teller", partial(Teller, out))
        monkeypatch.setattr(shop_of_demo, "Store", quick_store)
        return program_of_demo.main(), out.getvalue()

    return show


def test_on_a_server_it_shows_the_primary_and_its_standby(shown: Callable[..., tuple[int, str]]) -> None:
    if program("postgres") is None:
        programs.require(f"{BINARIES}/postgres", PACKAGE)
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:  # A short path: sockets have no longer ones.
        status, told = shown(Path(folder), "--on", "postgresql")
    assert status == 0, told
    assert "primary/catalog" in told
    assert "standby/order" in told
    assert "both databases have the new price" in told
    assert "in every table" in told


class BusyFront:
    """Has a cache of three books; what takes long in its first answers is the machine, and not the catalog."""

    NOISY, HIT_MS, MISS_MS = 60, 1.0, 5.0

    def __init__(self) -> None:
        self._cached: list[str] = []
        self._answered = 0

    def get(self, path: str) -> Answer:
        is_hit = path in self._cached
        self._cached = [*(each for each in self._cached if each != path), path][-CACHE_SIZE:]
        self._answered += 1
        took_ms = self.HIT_MS if is_hit else self.MISS_MS
        if self._answered < self.NOISY:
            took_ms = 100 - took_ms
        told = {headers.CACHE: "hit" if is_hit else "miss", headers.REPLICA: "catalog-1"}
        return Answer(200, told, json.dumps({"title": path, "price": "1.00", "quantity": 1}).encode(), took_ms)


def test_that_the_cache_is_faster_is_shown_on_a_busy_machine_too() -> None:
    out = io.StringIO()
    shop: Any = SimpleNamespace(front=BusyFront())
    read_twice(shop, Teller(out))
    assert "✓ the cache is faster" in out.getvalue()


def test_it_fails_where_the_cache_does_not_follow(tmp_path: Path, shown: Callable[..., tuple[int, str]]) -> None:
    status, told = shown(tmp_path, "--coherence", "none")
    assert status == 1, told
    assert "✓ both databases have the new price" in told
    assert "✗ the very next read at the front says 25.50 (X-Cache: hit)" in told
    assert told.splitlines()[-1].strip().startswith("This isn't so: the very next read"), "nothing goes on after it"


def test_interrupted_it_ends_what_it_started(tmp_path: Path) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    assert "Eight things" in demo.stdout.readline()
    wait_for(lambda: len(_processes_in(tmp_path)) > 1, 60, "its store")
    demo.send_signal(signal.SIGINT)
    told, _ = demo.communicate(timeout=AT_MOST_S)
    assert demo.returncode == 128 + signal.SIGINT, told
    assert "Traceback" not in told
    assert_nothing_left(tmp_path)


def test_a_finding_that_is_not_so_is_said_and_raised() -> None:
    out = io.StringIO()
    teller = Teller(out)
    teller.expect(1, "one is")
    with pytest.raises(NotSo, match="nothing is"):
        teller.expect([], "nothing is")
    assert out.getvalue().splitlines() == ["   ✓ one is", "   ✗ nothing is"]
    assert teller.findings == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    Teller(out).expect(1, "one is")
    assert "\x1b[32m✓\x1b[0m" in out.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Teller(out).expect(1, "one is")
    assert "\x1b" not in out.getvalue()


def test_databases_stand_side_by_side_also_with_unlike_rows() -> None:
    out = io.StringIO()
    Teller(out).side_by_side("after", ("id", "title"), {"left": [(1, "One"), (20, "Twenty")], "right": []})
    assert out.getvalue().splitlines() == [
        "    after",
        "    left        │  right",
        "    id  title   │  id  title",
        "     1  One     │  (no row)",
        "    20  Twenty  │",
        "",
    ]


def test_numbers_stand_to_the_right_also_in_strings() -> None:
    assert table("name", ("price",), [("9.90",), ("10.00",)])[2:] == [" 9.90", "10.00"]
