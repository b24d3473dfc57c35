"""Ctrl-C during an import: in this process, and from outside in a process of its own."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bookstore_project.replication.tests.copies import eventually
from bookstore_project.settings import topology
from catalog_app.importing.interruption import Interruption
from tests.patience import PATIENCE_S

ROWS = 800


@pytest.fixture
def former_handler() -> Iterator[object]:
    former = signal.getsignal(signal.SIGINT)
    yield former
    signal.signal(signal.SIGINT, former)


def test_the_first_signal_waits_for_a_good_moment_and_the_second_does_not(former_handler: object) -> None:
    with Interruption() as interruption:
        interruption.check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        with pytest.raises(KeyboardInterrupt):
            interruption.pause(PATIENCE_S)
        assert signal.getsignal(signal.SIGINT) is former_handler
    assert interruption.signal_number == signal.SIGINT


def test_without_a_signal_the_former_handlers_come_back(former_handler: object) -> None:
    with Interruption() as interruption:
        assert signal.getsignal(signal.SIGINT) is not former_handler
        interruption.pause(0)
    assert signal.getsignal(signal.SIGINT) is former_handler


def manage(data: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(topology.ROOT / "manage.py"), *words],
        env={
            **os.environ,
            "BOOKSTORE_DATA": str(data),
            "BOOKSTORE_NODE": "",
            "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.base",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def count_books(data: Path, alias: str) -> int:
    path = data / alias / "catalog.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM catalog_app_book").fetchone()
    return int(count)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_import_stopped_from_outside_is_finished_by_repeating_it(tmp_path: Path, number: signal.Signals) -> None:
    data, books = tmp_path / "data", tmp_path / "books.csv"
    books.write_text("title\n" + "".join(f"Volume {row}\n" for row in range(ROWS)))
    migration = manage(data, "migrate", "--verbosity=0")
    _, complaints = migration.communicate(timeout=PATIENCE_S)
    assert migration.returncode == 0, complaints

    importing = manage(data, "import_books", str(books), "--batch-size=10")

    def is_under_way() -> bool:
        assert importing.poll() is None, importing.communicate()
        return count_books(data, "catalog-1") >= 50

    eventually(is_under_way)
    importing.send_signal(number)
    _, complaints = importing.communicate(timeout=PATIENCE_S)
    if number == signal.SIGKILL:
        assert importing.returncode == -number
    else:
        assert importing.returncode == 128 + number, complaints
        assert "Interrupted." in complaints
        assert "Traceback" not in complaints
    assert count_books(data, "catalog-1") < ROWS

    again = manage(data, "import_books", str(books), "--batch-size=1000")
    said, complaints = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, complaints
    assert "already there" in said
    assert [count_books(data, alias) for alias in ("catalog-1", "catalog-2")] == [ROWS, ROWS]
