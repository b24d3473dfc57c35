"""Something else in the place of what replication uses: healed where it can be, and never waited for."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings

from bookstore_project.replication import care, gate
from bookstore_project.replication.caretaker import Caretaker
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.status import status
from bookstore_project.replication.tests.copies import assert_copies_equal
from bookstore_project.replication.tests.leases import reprice
from bookstore_project.replication.witness import read_witness
from bookstore_project.settings import topology
from bookstore_project.wire import drains

CATALOG = get_service("catalog")


def gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def folder(path: Path) -> None:
    (path / "within").mkdir(parents=True)


def link_in_a_circle(path: Path) -> None:
    path.symlink_to(path.name)


THINGS: dict[str, Callable[[Path], None]] = {
    "a folder": folder,
    "a pipe": os.mkfifo,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link in a circle": link_in_a_circle,
}
things = pytest.mark.parametrize("thing", THINGS)


def put(thing: str, path: Path) -> None:
    gone(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    THINGS[thing](path)


@pytest.fixture
def store(seven_books: Path, settings: Settings) -> Iterator[Path]:
    settings.LEASE_S = 0
    yield seven_books
    connections.close_all()
    for path in (*seven_books.glob("*.sqlite3*"), *seven_books.glob("*/*.sqlite3*")):
        gone(path)
    shutil.rmtree(seven_books / "aside", ignore_errors=True)


def heal() -> None:
    caretaker = Caretaker(CATALOG)
    for _ in range(3):
        try:
            caretaker.step()
        except Unavailable:
            continue
    del caretaker


def assert_whole() -> None:
    assert status(CATALOG).problem == ""
    assert read_witness(CATALOG.witness_file).in_sync == ("catalog-1", "catalog-2")
    reprice()
    assert_copies_equal("catalog")


@things
def test_in_the_witnesss_place(store: Path, thing: str) -> None:
    put(thing, CATALOG.witness_file)
    with pytest.raises(Unavailable, match="can't be read"):
        reprice()
    assert "can't be read" in status(CATALOG).problem
    heal()
    assert_whole()


def test_a_slot_with_a_right_checksum_that_says_nonsense(store: Path) -> None:
    import zlib

    body = b'{"files": 7}'
    slot = (b"%08x %s" % (zlib.crc32(body), body)).ljust(4095) + b"\n"
    CATALOG.witness_file.write_bytes(slot * 2)
    with pytest.raises(Unavailable, match="is damaged"):
        reprice()
    heal()
    assert_whole()


@things
def test_in_a_drained_marks_place(store: Path, thing: str) -> None:
    node = topology.NODES["catalog-1"]
    put(thing, drains.mark_file(node))
    assert drains.is_marked(node)
    assert drains.Drains().is_drained(node), "it counts, however it got there"
    drains.undrain(node)
    assert not drains.is_marked(node)
    put(thing, drains.mark_file(node))
    drains.drain(node, by="ann", is_answering=lambda other: True)
    assert "drained by ann" in drains.Drains().reason(node)
    drains.undrain(node)


@things
def test_in_the_place_of_a_note_and_of_a_wish(store: Path, thing: str) -> None:
    put(thing, topology.DATA / "care" / "catalog-scrub.json")
    assert care.last("catalog", care.SCRUB) is None
    care.note("catalog", care.SCRUB, found={})
    assert (care.last("catalog", care.SCRUB) or {})["found"] == {}
    put(thing, topology.DATA / "care" / "catalog-scrub-wanted")
    care.want_scrub("catalog")
    care.forget_wanted_scrub("catalog", care.scrub_wanted_ns("catalog"))
    assert not care.is_scrub_wanted("catalog")


@pytest.mark.parametrize("alias", ["catalog-1", "catalog-2"])
def test_a_number_that_somebody_wrote_into_one_files_header_is_that_files_fault(store: Path, alias: str) -> None:
    """And not a sign of other code: that stopped the service for good."""
    with sqlite3.connect(topology.database_file(alias)) as connection:
        connection.execute("PRAGMA user_version = 5")
    connection.close()
    with pytest.raises(Unavailable, match="user_version"), gate.reading("catalog", alias=alias):
        pass
    reprice()
    assert alias not in read_witness(CATALOG.witness_file).in_sync
    heal()
    assert_whole()


@things
def test_in_the_place_of_the_accounts(store: Path, thing: str) -> None:
    from django.core.management import call_command

    path = topology.database_file(topology.ACCOUNTS)
    connections.close_all()
    put(thing, path)
    call_command("migrate", verbosity=0)
    assert path.is_file()
