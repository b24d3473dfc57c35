"""A round of maintenance opens files that were touched, and others now and then: a disk may fail without a trace."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bookstore_project import sqlite_files
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.repair import compaction, rejoin
from bookstore_project.replication.sqlite_pair.repair.maintenance import (
    AT_REST_EVERY_S,
    COMPACT_EVERY_S,
    EVERY_S,
    OPEN_EVERY_S,
    OTHERS_EVERY_S,
)
from bookstore_project.replication.tests.support.articles import reprice
from bookstore_project.replication.tests.support.maintenance import Maintenance
from tests.clock import Clock

SHELF = get_service("shelf")
FIRST = SHELF.aliases[0]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Whatever is opened from now on to be looked at."""
    paths: list[Path] = []
    connect = sqlite_files.connect

    def noting(path: Path, **options: Any) -> Any:
        paths.append(Path(path))
        return connect(path, **options)

    monkeypatch.setattr(sqlite_files, "connect", noting)
    return paths


@pytest.fixture
def maintenance(seven_articles: Path) -> Maintenance:
    """After rounds that have found all well."""
    made = Maintenance(SHELF)
    made.clock = Clock()
    for _ in range(4):  # The first ones write, too.
        made.step()
    return made


def test_files_that_nobody_touches_are_opened_now_and_then(maintenance: Maintenance, opened: list[Path]) -> None:
    assert isinstance(maintenance.clock, Clock)
    maintenance.step()
    assert opened == []
    maintenance.clock.now += OPEN_EVERY_S
    maintenance.step()
    assert {replication_settings.files[alias] for alias in SHELF.aliases} <= set(opened)


def test_a_write_of_this_process_has_looked_already(maintenance: Maintenance, opened: list[Path]) -> None:
    reprice()
    opened.clear()  # By the write itself.
    for _ in range(3):
        reprice()
        maintenance.step()
    assert opened == []
    maintenance.step()
    assert set(opened) == {replication_settings.files[alias] for alias in SHELF.aliases}


def test_files_that_are_written_to_all_the_time_are_opened_now_and_then(
    maintenance: Maintenance, opened: list[Path]
) -> None:
    assert isinstance(maintenance.clock, Clock)
    maintenance.clock.now += OPEN_EVERY_S
    reprice()
    maintenance.step()
    assert {replication_settings.files[alias] for alias in SHELF.aliases} <= set(opened)


def _touch(path: Path) -> None:
    os.utime(path)


def _write_with_the_old_time(path: Path) -> None:
    about, content = path.stat(), path.read_bytes()
    path.write_bytes(content)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


def _forbid(path: Path) -> None:
    path.chmod(0)


def test_what_a_write_took_out_is_brought_back_though_others_follow_all_the_time(maintenance: Maintenance) -> None:
    _replace(replication_settings.files[FIRST])
    for _ in range(2):
        reprice()
    assert FIRST not in read_witness(SHELF.witness_file).in_sync
    maintenance.step()
    assert set(read_witness(SHELF.witness_file).in_sync) == set(SHELF.aliases)


@pytest.mark.parametrize(
    ("name", "touch"),
    [
        *[(name, touch) for name in ("witness", "database", "wal") for touch in (_touch, _replace, _forbid)],
        *[(name, _write_with_the_old_time) for name in ("witness", "database")],
    ],
)
def test_whatever_is_touched_is_opened_in_the_next_round(
    maintenance: Maintenance, opened: list[Path], name: str, touch: Callable[[Path], None]
) -> None:
    database = replication_settings.files[FIRST]
    reprice()
    for _ in range(2):
        maintenance.step()
    opened.clear()
    touch(
        {"witness": SHELF.witness_file, "database": database, "wal": database.with_name(f"{database.name}-wal")}[name]
    )
    maintenance.step()
    assert database in opened


def test_a_file_that_is_gone_is_missed_in_the_next_round(maintenance: Maintenance) -> None:
    before = read_witness(SHELF.witness_file).files[FIRST].nonce
    replication_settings.files[FIRST].unlink()
    maintenance.step()
    witness = read_witness(SHELF.witness_file)
    assert FIRST in witness.in_sync
    assert witness.files[FIRST].nonce != before, "it was made anew"


def test_a_round_that_did_not_end_is_no_reason_to_look_away(
    maintenance: Maintenance, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("too many open files")

    reprice()
    maintenance.step()
    with monkeypatch.context() as patch:
        patch.setattr(maintenance, "evict_faulty", fail)
        with pytest.raises(OSError, match="too many"):
            maintenance.step()
    opened.clear()
    maintenance.step()
    assert opened


def test_a_shm_that_somebody_removed_is_missed_in_the_next_round(
    maintenance: Maintenance, opened: list[Path]
) -> None:
    database = replication_settings.files[FIRST]
    reprice()
    for _ in range(2):
        maintenance.step()
    opened.clear()
    database.with_name(f"{database.name}-shm").unlink()
    maintenance.step()
    assert database in opened


def test_what_could_not_be_done_is_tried_again_though_nothing_was_touched(
    maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("the other copy is busy")

    replication_settings.files[FIRST].write_bytes(b"no database")
    with monkeypatch.context() as patch:
        patch.setattr(rejoin, "repair", fail)
        for _ in range(3):
            with pytest.raises(Unavailable, match="busy"):
                maintenance.step()
    assert FIRST not in read_witness(SHELF.witness_file).in_sync
    maintenance.step()
    assert FIRST in read_witness(SHELF.witness_file).in_sync


def test_a_scrub_that_is_asked_for_is_made_in_the_next_round(maintenance: Maintenance) -> None:
    before = maintenance_log.last_scrub(SHELF.name)
    maintenance_log.request_scrub(SHELF.name)
    maintenance.step()
    assert not maintenance_log.is_scrub_requested(SHELF.name)
    assert maintenance_log.last_scrub(SHELF.name) != before


def test_a_log_that_has_grown_is_compacted_though_nothing_was_touched_since(
    maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Service] = []

    def note(service: Service, *_: object, **__: object) -> int:
        looked.append(service)
        return 0

    assert isinstance(maintenance.clock, Clock)
    monkeypatch.setattr(compaction, "compact", note)
    reprice()
    maintenance.step()
    assert looked == [], "a moment after the last time"
    maintenance.clock.now += COMPACT_EVERY_S
    for _ in range(3):
        maintenance.step()
    assert looked == [SHELF]
    maintenance.clock.now += OPEN_EVERY_S
    maintenance.step()
    assert looked == [SHELF], "it is the same log"


def test_who_has_not_the_role_looks_less_often_while_all_is_well(maintenance: Maintenance) -> None:
    other = Maintenance(SHELF)
    assert (maintenance.step(), other.step()) == (AT_REST_EVERY_S, OTHERS_EVERY_S)
    replication_settings.files[FIRST].unlink()
    assert other.step() == EVERY_S
    assert maintenance.step() == EVERY_S
