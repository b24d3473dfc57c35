"""Ctrl-C during an import: in this process, and from outside in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore_project.replication.tests.support.forks import of_this_store
from bookstore_project.replication.tests.support.replica_files import rows
from bookstore_project.settings import topology
from catalog_app.importing.interruption import Interruption
from catalog_app.tests.import_helpers import run_import
from tests.waiting import PATIENCE_S, wait_for

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


def count_books(alias: str) -> int:
    ((count,),) = rows(alias, "SELECT count(*) FROM catalog_app_book")
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.processes
def test_an_import_stopped_from_outside_is_finished_by_repeating_it(
    empty_store: Path, tmp_path: Path, number: signal.Signals
) -> None:
    books = tmp_path / "books.csv"
    books.write_text("title\n" + "".join(f"Volume {row}\n" for row in range(ROWS)))
    importing = subprocess.Popen(
        [sys.executable, str(topology.ROOT / "manage.py"), "import_books", str(books), "--batch-size=2"],
        env=of_this_store() | {"BOOKSTORE_NODE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def is_under_way() -> bool:
        assert importing.poll() is None, importing.communicate()
        return count_books("catalog-1") >= 10

    wait_for(is_under_way)
    importing.send_signal(number)
    _, complaints = importing.communicate(timeout=PATIENCE_S)
    if number == signal.SIGKILL:
        assert importing.returncode == -number
    else:
        assert importing.returncode == 128 + number, complaints
        assert "Interrupted." in complaints
        assert "Traceback" not in complaints
    assert count_books("catalog-1") < ROWS

    assert "already there" in run_import(books, "--batch-size=1000")
    assert [count_books(alias) for alias in ("catalog-1", "catalog-2")] == [ROWS, ROWS]
