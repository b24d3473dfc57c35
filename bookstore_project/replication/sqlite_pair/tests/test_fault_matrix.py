"""Every fault on every file, at rest and between a writer's steps: what happens is in the table, and all comes right.

Each case ends with every acknowledged write on both files, the copies equal and in sync again.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connections

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files.file_identity import checkpoint
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.repair import bootstrap
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.articles import stock
from bookstore_project.replication.tests.support.file_faults import BUSY_S
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import Obedient, assert_copies_equal, python, rows
from bookstore_project.replication.tests.support.strangers import copy, overwrite
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.processes

SHELF = get_service("shelf")
POINTS = ("rest", "begun", "before-commit", "committed-shelf-1", "committed")


def _beside(suffix: str) -> Callable[[Path], None]:
    return lambda path: path.with_name(path.name + suffix).unlink()


def _old_by_rename(path: Path) -> None:
    shutil.copy(path.with_name("old"), path.with_name("other"))
    path.with_name("other").replace(path)


def _exchange(path: Path) -> None:
    """A directory takes the place of the one that may be locked."""
    path.rename(path.with_name("elsewhere"))
    path.mkdir()


FILE_FAULTS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "renamed": lambda path: path.rename(path.with_name("elsewhere")),
    "truncated to half": lambda path: overwrite(path, path.with_name("old").read_bytes()[:40960]),
    "truncated to nothing": lambda path: overwrite(path, b""),
    "garbage": lambda path: overwrite(path, b"\xa5" * 200_000),
    "old copy by rename": _old_by_rename,
    "old copy in place": lambda path: overwrite(path, path.with_name("old").read_bytes()),
    "old copy in place, larger": lambda path: overwrite(path, path.with_name("old").read_bytes() + b"\0" * 65536),
    "-wal removed": _beside("-wal"),
    "-shm removed": _beside("-shm"),
}
WITNESS_FAULTS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(b"\xa5" * 8192),
    "truncated to nothing": lambda path: path.write_bytes(b""),
    "old copy by rename": _old_by_rename,
    "old copy in place": lambda path: path.write_bytes(path.with_name("old").read_bytes()),
}
LOCK_FAULTS: dict[str, Callable[[Path], object]] = {"removed": lambda path: path.rmdir(), "exchanged": _exchange}


@dataclass(frozen=True)
class Case:
    """What is done to what, and which errors a writer may get: none, or one that says the truth."""

    fault: Callable[[Path], object]
    path: Callable[[], Path]
    refusals: tuple[type[Exception], ...] = ()


TARGETS: dict[str, tuple[Callable[[], Path], dict[str, Callable[[Path], object]], tuple[type[Exception], ...]]] = {
    "first file": (lambda: replication_settings.files["shelf-1"], FILE_FAULTS, ()),
    "second file": (lambda: replication_settings.files["shelf-2"], FILE_FAULTS, ()),
    "witness": (lambda: SHELF.witness_file, WITNESS_FAULTS, (Unavailable, OutcomeUnknown)),
    "mutex": (lambda: SHELF.lock_dir / "mutex", LOCK_FAULTS, (Unavailable, OutcomeUnknown)),
    "turnstile": (lambda: SHELF.lock_dir / "turnstile", LOCK_FAULTS, ()),
}
CASES = {
    f"{target}: {name}": Case(fault, path, refusals)
    for target, (path, faults, refusals) in TARGETS.items()
    for name, fault in faults.items()
}


@pytest.fixture
def used_store(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store with old copies of everything, and newer writes since, that another process has open, too."""
    monkeypatch.setattr(replication_settings, "lease_s", 0.1)
    restock()
    for path in (*map(replication_settings.files.__getitem__, SHELF.aliases), SHELF.witness_file):
        copy(path, path.with_name("old"))
    restock()
    restock()
    yield seven_articles
    for path in (*map(replication_settings.files.__getitem__, SHELF.aliases), SHELF.witness_file):
        for name in ("old", "elsewhere", "other"):
            path.with_name(name).unlink(missing_ok=True)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", CASES)
def test_the_store_comes_right(used_store: Path, name: str, point: str) -> None:
    case = CASES[name]
    strike = _once(lambda: case.fault(case.path()))
    before = stock("shelf-1")
    if point == "rest":
        strike()
    else:
        failpoints.hooks[point] = strike
    acknowledged, open_ended = _write(4, case.refusals)
    failpoints.hooks.clear()
    maintenance = Maintenance(SHELF)
    wait_for(lambda: _is_whole(maintenance))
    more, unknown = _write(1, ())
    assert (more, unknown) == (1, 0), "the store doesn't serve again"
    assert_copies_equal("shelf")
    for alias in SHELF.aliases:
        assert before + acknowledged + 1 <= stock(alias) <= before + acknowledged + open_ended + 1


def _once(strike: Callable[[], object]) -> Callable[[], None]:
    left = [strike]

    def once() -> None:
        if left:
            left.pop()()

    return once


def _write(count: int, refusals: tuple[type[Exception], ...]) -> tuple[int, int]:
    """How many writes were acknowledged, and of how many nobody knows what became."""
    acknowledged = unknown = 0
    for _ in range(count):
        try:
            restock()
            acknowledged += 1
        except refusals as error:
            unknown += isinstance(error, OutcomeUnknown)
    return acknowledged, unknown


def _is_whole(maintenance: Maintenance) -> bool:
    try:
        maintenance.step()
        return read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    except Unavailable:
        return False


# ------------------------------------------------------------------------------- locked by another program

LOCKS = {
    "BEGIN EXCLUSIVE": "connection.execute('BEGIN EXCLUSIVE')",
    "locking_mode": "connection.execute('PRAGMA locking_mode=EXCLUSIVE'); connection.execute('BEGIN IMMEDIATE')",
}


@pytest.mark.parametrize("alias", SHELF.aliases)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_locked_file_is_done_without_and_rejoins_by_its_log(
    used_store: Path, alias: str, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in SHELF.aliases:
        monkeypatch.setitem(connections.settings[each]["OPTIONS"], "timeout", BUSY_S)
    code = (
        "import sqlite3\n"
        f"connection = sqlite3.connect({str(replication_settings.files[alias])!r}, isolation_level=None)\n"
        f"{LOCKS[lock]}\nprint('locked', flush=True); input()\nconnection.execute('ROLLBACK')"
    )
    maintenance = Maintenance(SHELF)
    connections.close_all()  # SQLite's exclusive mode is for a file that nobody else has open.
    with python(code) as other:
        assert other.stdout.readline() == "locked\n"
        restock()
        assert alias not in read_witness(SHELF.witness_file).in_sync
        with pytest.raises(Unavailable, match="busy or full"):
            maintenance.step()
        restock()  # Without looking at the locked file again.
        other.communicate("\n")
    identity = read_witness(SHELF.witness_file).files[alias].identity
    maintenance.step()
    witness = read_witness(SHELF.witness_file)
    assert witness.in_sync == ("shelf-1", "shelf-2")
    assert witness.files[alias].identity == identity, "it was copied"
    assert_copies_equal("shelf")


# ------------------------------------------------------------------------- read-only, and no room on the disk


RESTOCK = """
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.shelf.services import restock
take_care = Maintenance(get_service("shelf")).step
restock()
"""


@pytest.mark.parametrize("alias", SHELF.aliases)
def test_a_read_only_file_is_done_without_and_rebuilt(used_store: Path, obedient: Obedient, alias: str) -> None:
    path = replication_settings.files[alias]
    connections.close_all()
    path.chmod(0o400)
    told = obedient(f"{RESTOCK}take_care()")
    assert f"{alias} is out of sync: attempt to write a readonly database" in told
    assert f"{alias} rejoined by copy" in told
    restock()
    assert_copies_equal("shelf")


@pytest.mark.parametrize("alias", SHELF.aliases)
def test_a_file_in_a_read_only_folder_is_done_without(used_store: Path, obedient: Obedient, alias: str) -> None:
    path = replication_settings.files[alias]
    connections.close_all()
    # The -wal is gone, as a tool was the last to close the file, and can't be made.
    rows(alias, "SELECT count(*) FROM sqlite_master")
    path.parent.chmod(0o500)
    try:
        told = obedient(f"{RESTOCK}try: take_care()\nexcept Unavailable as error: print(error)")
        assert f"{alias} is out of sync" in told
        assert f"{alias} can't be rebuilt: [Errno 13] Permission denied" in told
    finally:
        path.parent.chmod(0o700)
    Maintenance(SHELF).step()
    assert_copies_equal("shelf")


@pytest.fixture
def small_disk(used_store: Path) -> Iterator[Path]:
    """shelf-2 on a disk of two megabytes."""
    folder = replication_settings.files["shelf-2"].parent
    connections.close_all()
    shutil.copytree(folder, folder.with_name("shelf-2.kept"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        reason = f"a small disk has to be mounted, as root: {mounted.stderr.decode().strip()}"
        shutil.rmtree(folder.with_name("shelf-2.kept"))
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        shutil.copytree(folder.with_name("shelf-2.kept"), folder, dirs_exist_ok=True)
        with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S) as lock:
            bootstrap.adopt_moved_files(SHELF, lock)
        yield folder
    finally:
        connections.close_all()
        subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder.with_name("shelf-2.kept"))


def test_a_full_disk_costs_one_copy_until_there_is_room(small_disk: Path) -> None:
    restock()
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)
    for _ in range(3):
        restock()
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1",)
    maintenance = Maintenance(SHELF)
    with pytest.raises(Unavailable, match="full"):
        maintenance.step()
    (small_disk / "filler").unlink()
    maintenance.step()
    restock()
    assert_copies_equal("shelf")


def test_a_checkpoint_that_finds_no_room_is_nobody_elses_write(small_disk: Path) -> None:
    """It writes as much of the file as there is room for: the witness must not take that for a stranger's doing."""
    for _ in range(20):
        restock()
    before = replication_settings.files["shelf-2"].stat()
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)
    with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S):
        checkpoint(SHELF, read_witness(SHELF.witness_file), truncate_ms=50)
    after = replication_settings.files["shelf-2"].stat()
    assert after.st_mtime_ns != before.st_mtime_ns, "it wrote nothing"
    for _ in range(3):
        restock()
    reasons = read_witness(SHELF.witness_file).complaints
    assert "somebody else" not in str(reasons), reasons
    (small_disk / "filler").unlink()
    maintenance = Maintenance(SHELF)
    wait_for(lambda: _is_whole(maintenance))
    restock()
    assert_copies_equal("shelf")
