"""Two faults while a group is committed: all of it is there, or nothing; nobody is told what isn't so.

What was acknowledged before stays. Who was told nothing, or that nobody knows, asks again, and nothing is made twice.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.commit.tests.test_group_commit import (
    BOTH,
    THREE,
    in_a_group,
    names,
    shelf,
    together,
)
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.tests.shelf.models import Shelf
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import KilledAt, assert_copies_equal
from bookstore_project.replication.tests.support.strangers import lose, overwrite, read_bytes
from bookstore_project.replication.transaction import run
from tests.configured import replication

SHELVES = get_service("shelf")
BEFORE = {"acknowledged"}
GROUP = set("abc")


@pytest.fixture
def store(empty_store: Path) -> Path:
    """With something that was acknowledged."""
    run("shelf", shelf("acknowledged"))
    return empty_store


def retry_all() -> None:
    for name in sorted(GROUP):
        in_a_group(partial(Shelf.objects.get_or_create, name=name))


def assert_made_once() -> None:
    """By retries, on both files, after maintenance has done what it does."""
    retry_all()
    maintenance = Maintenance(SHELVES)
    for _ in range(3):
        maintenance.step()
    assert tuple(read_witness(SHELVES.witness_file).in_sync) == BOTH
    assert names("shelf-1") == names("shelf-2") == BEFORE | GROUP
    assert_copies_equal("shelf")


# ------------------------------------------------------------------------- a file and the witness, in one commit


@pytest.mark.parametrize("alias", BOTH)
def test_a_lost_file_and_a_witness_that_cannot_be_written_make_it_unknown_for_all(store: Path, alias: str) -> None:
    """The files can't be told from one another, and so nobody may be told that it is done."""
    folder, aside = SHELVES.witness_file.parent, store / "aside"

    def strike() -> None:
        del failpoints.hooks["before-commit"]
        lose(alias)
        folder.rename(aside)

    failpoints.hooks["before-commit"] = strike
    actors = together(*(shelf(name) for name in sorted(GROUP)))
    for actor in actors:
        with pytest.raises(OutcomeUnknown):
            actor.result()
    with pytest.raises(Unavailable):
        in_a_group(shelf("meanwhile"))
    if folder.exists():
        shutil.rmtree(folder)
    aside.rename(folder)
    assert_made_once()


# ---------------------------------------------------------------------------- a kill, and a file that is not as left

POINTS = ["before-commit", "committed-shelf-1", "committed-shelf-2", "committed", "invalidated"]


def replace(alias: str, old: bytes) -> None:
    lose(alias)
    replication_settings.files[alias].write_bytes(old)


DAMAGES: dict[str, Callable[[str, bytes], None]] = {
    "lost": lambda alias, old: lose(alias),
    "replaced by an old copy": replace,
    "overwritten with an old copy": lambda alias, old: overwrite(replication_settings.files[alias], old),
}


def copy_of(alias: str) -> bytes:
    """As a backup by hand has it, without what is in the `-wal`."""
    return read_bytes(replication_settings.files[alias])


@pytest.mark.processes
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("alias", BOTH)
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_group_is_all_there_or_not_at_all_whichever_file_is_lost_then(
    store: Path, killed_at: KilledAt, point: str, alias: str, damage: str
) -> None:
    old = copy_of(alias)
    killed_at(point, THREE)
    DAMAGES[damage](alias, old)
    other = BOTH[1 - BOTH.index(alias)]
    has_it = point not in ("before-commit", "committed-shelf-1") or (point, other) == ("committed-shelf-1", "shelf-1")
    run("shelf", lambda: None)
    assert tuple(read_witness(SHELVES.witness_file).in_sync) == (other,)
    assert names(other) == BEFORE | (GROUP if has_it else set())
    assert_made_once()


@pytest.mark.processes
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_group_without_a_witness_is_all_there_or_not_at_all(
    store: Path, killed_at: KilledAt, point: str
) -> None:
    """The longer log counts: what it has beyond the other was committed, and nobody was told that it is undone."""
    killed_at(point, THREE)
    SHELVES.witness_file.unlink()
    with pytest.raises(Unavailable):
        in_a_group(shelf("meanwhile"))
    with replication(LEASE_S=0.01):
        Maintenance(SHELVES).step()
    assert names("shelf-1") == names("shelf-2") == BEFORE | (set() if point == "before-commit" else GROUP)
    assert_made_once()


@pytest.mark.processes
@pytest.mark.parametrize("alias", BOTH)
@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_a_lost_file_and_an_old_copy_of_the_other_are_refused(
    store: Path, killed_at: KilledAt, point: str, alias: str
) -> None:
    other = BOTH[1 - BOTH.index(alias)]
    old = copy_of(other)
    run("shelf", shelf("acknowledged, too"))
    killed_at(point, THREE)
    lose(alias)
    replace(other, old)
    maintenance = Maintenance(SHELVES)
    for _ in range(2):
        with pytest.raises(Unavailable):
            retry_all()
        with pytest.raises(Unavailable):
            run("shelf", Shelf.objects.count)
        maintenance.step()
