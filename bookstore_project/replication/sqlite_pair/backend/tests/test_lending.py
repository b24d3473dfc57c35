"""The connections that can write: a process has one to each file, whichever of its threads writes."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest
from django.db import connections

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend import lending
from bookstore_project.replication.tests.support.articles import raise_price, witness
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal
from bookstore_project.replication.transaction import run

SHELF = get_service("shelf")
THREADS = 4
BESIDE = 2
"""Each connection has a second one, which keeps the -wal."""


@pytest.fixture
def pool(seven_articles: Path) -> Iterator[ThreadPoolExecutor]:
    """Threads that live on after what they did, as those of a node do."""
    with ThreadPoolExecutor(THREADS) as executor:
        yield executor
        in_each(executor, connections.close_all)


def in_each(pool: ThreadPoolExecutor, work: Callable[[], object]) -> list[object]:
    together = Barrier(THREADS)

    def once() -> object:
        together.wait()
        return work()

    return [future.result() for future in [pool.submit(once) for _ in range(THREADS)]]


def descriptors(alias: str) -> int:
    """Of this process, to the alias's file."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # The listing's own is gone.
            found += link.readlink() == replication_settings.files[alias]
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is told by /proc")
def test_all_threads_that_write_need_no_more_than_one(pool: ThreadPoolExecutor) -> None:
    before = [descriptors(alias) for alias in SHELF.aliases]
    in_each(pool, raise_price)
    assert [descriptors(alias) for alias in SHELF.aliases] == [count + BESIDE for count in before]
    assert witness().in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")


def test_who_borrows_it_is_refused_what_everybody_is(pool: ThreadPoolExecutor) -> None:
    in_each(pool, raise_price)
    before = [lending.idle(str(replication_settings.files[alias])).connection for alias in SHELF.aliases]

    def make_table() -> None:
        connections["shelf-1"].cursor().execute("CREATE TABLE strange (id INTEGER)")

    for _ in range(THREADS):
        with pytest.raises(WriteRefused, match="CREATE can't be replicated"):
            pool.submit(run, "shelf", make_table).result()
    in_each(pool, raise_price)
    assert [lending.idle(str(replication_settings.files[alias])).connection for alias in SHELF.aliases] == before
    assert_copies_equal("shelf")


def test_one_that_met_a_fault_is_lent_to_nobody(pool: ThreadPoolExecutor) -> None:
    in_each(pool, raise_price)
    path = replication_settings.files["shelf-2"]
    path.rename(path.with_name("elsewhere"))
    raise_price()
    assert witness().in_sync == ("shelf-1",)
    in_each(pool, raise_price)
    assert lending.idle(str(path)) is lending.NONE


def test_a_second_one_of_a_file_is_closed_when_it_is_given_back(seven_articles: Path) -> None:
    raise_price()
    path = str(replication_settings.files["shelf-1"])
    first = lending.borrow(path)
    raise_price()
    second = lending.idle(path)
    assert second.connection is not first.connection
    lending.give_back(path, first)
    assert lending.idle(path) is second
    raise_price()
