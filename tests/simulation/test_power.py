"""What a power cut leaves is what a disk may leave; and a store that syncs too little is found by it."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation import disk, power
from tests.simulation.disk import SECTOR
from tests.simulation.test_simulation import assert_found, told
from tests.simulation.warm import ROOT, simulate

WRITES = ((0, b"a" * 4, b"b" * 4, 8), (8, b"", b"c" * 4, 8), (6, b"aaccc"[:5], None, 12))
"""Over what was there, beyond it, and a cut, of a file of eight bytes."""


def test_of_writes_that_were_not_synced_all_may_be_lost() -> None:
    assert power.left_of(b"bbbbaa", [*WRITES[:2], (6, b"aacccc", None, 12)], "nothing", random.Random(1)) == b"a" * 8


def test_each_of_them_may_be_lost_and_another_kept() -> None:
    left = {power.left_of(b"bbbbaaaacccc", WRITES[:2], "some", random.Random(seed)) for seed in range(50)}
    assert left == {b"a" * 8, b"bbbbaaaa", b"aaaaaaaacccc", b"bbbbaaaacccc"}


def test_the_last_one_may_be_torn_between_sectors_only() -> None:
    old, new = b"a" * 2 * SECTOR, b"b" * 2 * SECTOR
    left = {power.left_of(new, [(0, old, new, len(old))], "a beginning", random.Random(seed)) for seed in range(50)}
    half, other = b"a" * SECTOR, b"b" * SECTOR
    assert left == {half + half, half + other, other + half, other + other}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    (folder := tmp_path / "data").mkdir()
    disk.set_up(folder)
    disk.watch(is_wished=True)
    yield folder
    disk.watch(is_wished=False)


def cut(data: Path) -> None:
    """Where chance has nothing that wasn't synced last."""

    class Unlucky(random.Random):
        def choice(self, among: object) -> object:  # type: ignore[override]  # Of these two it gives the worst.
            return power.WAYS[0] if among == power.WAYS else 0

    power.cut(data, disk.notes(), Unlucky())


def test_a_name_lasts_once_its_folder_was_synced(data: Path) -> None:
    for name in ("early", "late"):
        (data / name).touch()
        disk.note_new_file(str(data / name))
        if name == "early":
            disk.note_folder_sync(str(data))
    cut(data)
    assert os.listdir(data) == ["early"]  # noqa: PTH208 - names


def test_a_removed_file_may_be_there_again(data: Path) -> None:
    (file := data / "file").write_bytes(b"content")
    disk.note_removal(str(file), file.unlink)
    assert not file.exists()
    cut(data)
    assert file.read_bytes() == b"content"


def test_what_was_synced_is_kept(data: Path) -> None:
    (file := data / "file").write_bytes(b"new")
    disk.note_write(file.stat().st_ino, 0, b"old", b"new", 3)
    disk.note_sync(file.stat().st_ino)
    cut(data)
    assert file.read_bytes() == b"new"


WAL_OF_ANOTHER = """
import os, random, sqlite3, sys
from pathlib import Path
from types import SimpleNamespace
from tests.simulation import actors, disk, power, vfs

data = Path(sys.argv[1])
path = str(data / "file")
with sqlite3.connect(path) as before:
    before.execute("PRAGMA journal_mode=WAL")
    before.execute("CREATE TABLE t (a)")
before.close()
disk.set_up(data)
disk.watch(is_wished=True)
vfs.install()
actors.set_world(SimpleNamespace(point=lambda name: None))
for synchronous in sys.argv[2:]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("INSERT INTO t VALUES (1)")
    globals()[synchronous] = connection
disk.write_notes()

class Unlucky(random.Random):
    def choice(self, among):
        return among[0]

power.cut(data, disk.notes(), Unlucky())
print(os.path.exists(f"{path}-wal"), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(("who", "is_kept"), [(("OFF",), "False"), (("OFF", "FULL"), "True")])
def test_a_commit_makes_the_name_of_a_wal_durable_that_another_has_made(
    tmp_path: Path, who: tuple[str, ...], is_kept: str
) -> None:
    """SQLite syncs the folder with its first sync, whoever made the file (UNIXFILE_DIRSYNC in os_unix.c)."""
    (data := tmp_path / "data").mkdir()
    command = [sys.executable, "-c", WAL_OF_ANOTHER, str(data), *who]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{is_kept}\n", done.stderr


@pytest.mark.processes
@pytest.mark.large
def test_a_store_that_does_not_sync_its_commits_loses_writes_and_this_one_none() -> None:
    cuts = ("--seed", "2", "--operations", "100", "--faults", "power", "--every", "400")
    assert_found("commits aren't synced", *cuts)
    first, second = simulate(*cuts), simulate(*cuts, hash_seed="1")
    assert first.returncode == second.returncode == 0, first.stdout + second.stdout + first.stderr + second.stderr
    assert told(first) == told(second)


@pytest.mark.processes
@pytest.mark.large
def test_a_full_disk_takes_a_file_out_and_no_promise_is_broken(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    full = simulate("--operations", "100", "--faults", "full", "--every", "150", "--trace", str(trace))
    assert full.returncode == 0, full.stdout + full.stderr
    assert "is out of sync: database or disk is full" in trace.read_text()
