"""Lab 3: do the usual way's two catalog files stay equal, wherever the process that writes them is killed?"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from benchmarks.losses.judge import CREATED
from benchmarks.losses.shops import WATCHED, usual
from bookstore_project.nodes.tool_client import Session
from tests.course.labs import ROOT

NODES = ("catalog-1", "catalog-2")
CUSTOMERS = 4
"""As they come in turn, each catalog and each order service sells to two."""
OK = 200
MOST = 200
"""Statements of a sale."""
Statement = str


@dataclass
class Catalog:
    """catalog-1, and both files."""

    process: "subprocess.Popen[str]"
    data: Path
    fresh: Path

    def begin(self) -> None:
        """With the files of a store that has just been made."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.fresh, self.data)

    def do(self, command: str) -> int | Statement:
        """The status; if it was killed, what it was about to do."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        told: int | Statement = json.loads(self.process.stdout.readline())
        return told

    def file(self, node: str) -> Path:
        return self.data / f"{node}.sqlite3"

    def copies(self) -> tuple[int, ...]:
        """Of book 1, in each file."""
        return tuple(self._rows(node)[0][1] for node in NODES)

    def is_equal(self) -> bool:
        first, second = (self._rows(node) for node in NODES)
        return first == second

    def _rows(self, node: str) -> list[tuple[int, int]]:
        connection = sqlite3.connect(self.file(node))
        try:
            return connection.execute("SELECT id, quantity, * FROM usual_way_book ORDER BY id").fetchall()
        finally:
            connection.close()


def environment(node: str, data: Path) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "benchmarks.usual_way.settings",
        "PYTHONPATH": str(ROOT),
        "USUAL_WAY_NODE": node,
        "USUAL_WAY_DATA": str(data),
        "USUAL_WAY_ADDRESSES": "{}",
        "USUAL_WAY_CACHE": "on",
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    base = tmp_path_factory.mktemp("lab-3")
    data, fresh = base / "data", base / "fresh"
    data.mkdir()
    for node in NODES:
        start = [sys.executable, "-c", "import benchmarks.usual_way.application"]
        subprocess.run(start, cwd=ROOT, env=environment(node, data), check=True)
    data.rename(fresh)
    command = [sys.executable, "-m", "tests.course.killed"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment("catalog-1", data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Catalog(process, data, fresh)
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def catalog(running: Catalog) -> Catalog:
    running.begin()
    return running


def test_it_sells(catalog: Catalog) -> None:
    """A sale that nothing happens to takes one copy from both files."""
    before, _ = catalog.copies()
    status = catalog.do("sell 0")
    assert status == OK, f"the sale was answered with {status}"
    assert catalog.copies() == (before - 1, before - 1), f"there were {before} copies, now {catalog.copies()}"


def test_it_sells_through_the_front(tmp_path: Path) -> None:
    """Four customers buy at the front: both catalogs' files lose four copies, both orders' files have all four."""
    with usual(tmp_path) as shop:
        before = [file.stock[WATCHED] for file in shop.files()]
        with Session(shop.front) as session:
            answers = [session.call("POST", f"/purchase/{WATCHED}") for _ in range(CUSTOMERS)]
        told = [answer.status for answer in answers]
        assert told == [CREATED] * CUSTOMERS, f"the answers were {told}"
        bought = {UUID(answer.json["id"]).hex for answer in answers}
        for was, file, number in zip(before, shop.files(), (1, 2), strict=True):
            gone, orders = was - file.stock[WATCHED], len(bought & file.orders.keys())
            seen = f"catalog-{number} lost {gone} copies, order-{number} has {orders} orders"
            assert (gone, orders) == (CUSTOMERS, CUSTOMERS), seen


def test_a_file_that_cannot_be_written(catalog: Catalog) -> None:
    """If the second file can't be used, nothing is sold, and the first one has all its copies."""
    before, _ = catalog.copies()
    kept = catalog.file("catalog-2").read_bytes()
    catalog.file("catalog-2").write_bytes(b"This is no database. " * 1000)
    status = catalog.do("sell 0")
    catalog.file("catalog-2").write_bytes(kept)
    assert status != OK, "the sale was answered with 200"
    catalog.do("start")
    assert catalog.copies() == (before, before), f"there were {before} copies, now {catalog.copies()}"


@dataclass(frozen=True)
class Kill:
    """What there was after a sale that was killed, and a start."""

    when: str
    copies: tuple[int, ...]
    is_equal: bool
    then: tuple[int, ...]
    """Copies after one more sale, and another start."""


@pytest.fixture(scope="module")
def kills(running: Catalog) -> list[Kill]:
    """One before each statement of a sale."""
    found: list[Kill] = []
    for number in range(1, MOST):
        running.begin()
        told = running.do(f"sell {number}")
        if told == OK:
            return found
        running.do("start")
        copies, is_equal = running.copies(), running.is_equal()
        running.do("sell 0")
        running.do("start")
        found.append(Kill(f"killed before statement {number}, {told}", copies, is_equal, running.copies()))
    raise AssertionError(f"a sale took more than {MOST} statements")


def test_killed_anywhere(kills: list[Kill]) -> None:
    """Killed before any statement, and started again: both files have the same rows."""
    assert kills, "a sale took no statement"
    for kill in kills:
        assert kill.is_equal, f"{kill.when}: the files have {kill.copies} copies"


def test_what_was_left_comes_to_an_end(kills: list[Kill]) -> None:
    """What a killed sale has left does no harm to later ones: the next sale counts, also after another start."""
    assert kills, "a sale took no statement"
    for kill in kills:
        first = kill.copies[0]
        assert kill.then == (first - 1, first - 1), f"{kill.when}: {kill.copies}, then a sale, then {kill.then}"
