"""What can befall a database file."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.chaos.demand import VICTIM
from tests.chaos.faults import SMALL_DISKS, Fault, NotHere, Scene, Undo
from tests.waiting import PATIENCE_S

MARKER = b"The victim of the chaos"
"""Among the authors of the victim: found again as bytes in the file."""
ELSEWHERE = "elsewhere"
"""What a file is renamed to."""
HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=3)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""
HOLD_BYTES = """
import fcntl, sys
file = open(sys.argv[1] + "-shm", "r+b")
fcntl.lockf(file, fcntl.LOCK_EX, 8, 120)
print("held", flush=True)
sys.stdin.read()
"""


def _to_file(change: Callable[[Path], None]) -> Callable[[Scene, str], None]:
    return lambda scene, alias: change(scene.file(alias))


def _rename(path: Path) -> None:
    path.replace(path.with_name(ELSEWHERE))


def put_back(scene: Scene, service: str) -> bool:
    """Where a file of the service was renamed and nothing has taken its place, it comes back; whether one did."""
    has_come_back = False
    for path in (scene.file(f"{service}-{number}") for number in (1, 2)):
        if path.with_name(ELSEWHERE).exists() and not path.exists():
            path.with_name(ELSEWHERE).replace(path)
            has_come_back = True
    return has_come_back


def _truncate_to_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _truncate_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def _fill_with_garbage(scene: Scene, alias: str) -> None:
    path = scene.file(alias)
    with path.open("r+b") as file:
        file.write(scene.rng.randbytes(path.stat().st_size))


def _replace_by_old_copy(scene: Scene, alias: str) -> None:
    draft = scene.file(alias).with_name("old")
    shutil.copy(scene.old / alias, draft)
    draft.replace(scene.file(alias))


def _write_old_copy_in_place(scene: Scene, alias: str) -> None:
    old = (scene.old / alias).read_bytes()
    with scene.file(alias).open("r+b") as file:
        file.write(old)
        file.truncate()


def _write_old_copy_over(scene: Scene, alias: str) -> None:
    """The same, and the file stays as long as it was."""
    with scene.file(alias).open("r+b") as file:
        file.write((scene.old / alias).read_bytes())


def _flip_a_value(scene: Scene, alias: str) -> None:
    """A bit of a value, wherever it stands: in the file, and in the log that is still to be merged into it."""
    path = scene.file(alias)
    for place in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError), place.open("r+b") as file:
            content = file.read()
            for found in re.finditer(rb'(?<!")' + MARKER, content):  # After a quotation mark it is the log's.
                file.seek(found.start())
                file.write(bytes([content[found.start()] ^ 1]))


def _flip_bits(scene: Scene, alias: str) -> None:
    path = scene.file(alias)
    with path.open("r+b") as file:
        for _ in range(5):
            at = scene.rng.randrange(path.stat().st_size)
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1 << scene.rng.randrange(8)]))


def _edit_a_row(scene: Scene, alias: str) -> None:
    """What somebody does with the sqlite3 program who doesn't know about replication."""
    if shutil.which("sqlite3") is None:
        raise NotHere("the sqlite3 program: apt-get install sqlite3")
    service = alias.partition("-")[0]
    sql = {
        "catalog": f"UPDATE catalog_app_book SET quantity = quantity + 7 WHERE id = {VICTIM}",
        "order": "UPDATE order_app_orderline SET quantity = 9 ORDER BY sale DESC LIMIT 1",
    }[service]
    command = ["sqlite3", "-cmd", ".timeout 2000", str(scene.file(alias)), sql]
    subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)


def _without(path: Path, suffix: str) -> None:
    path.with_name(path.name + suffix).unlink(missing_ok=True)


def _mode(scene: Scene, path: Path, mode: int) -> Undo:
    if not scene.is_bound_by_modes:
        raise NotHere("processes that respect permission bits: root's don't, without setpriv")
    before = path.stat().st_mode & 0o7777
    path.chmod(mode)

    def restore() -> None:
        with suppress(FileNotFoundError):
            path.chmod(before)

    return restore


def _make_read_only(scene: Scene, alias: str) -> Undo:
    return _mode(scene, scene.file(alias), 0o444)


def _make_folder_read_only(scene: Scene, alias: str) -> Undo:
    return _mode(scene, scene.file(alias).parent, 0o555)


def _fill_the_disk(scene: Scene, alias: str) -> Undo:
    if alias not in scene.small_disks:
        raise NotHere("a small disk of its own: mounting one takes root, and tmpfs")
    filler = scene.file(alias).with_name("filler")
    disk = os.statvfs(filler.parent)
    with filler.open("wb") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(disk.f_bavail * disk.f_frsize, 1))
    return lambda: filler.unlink(missing_ok=True)


def _hold(program: str) -> Callable[[Scene, str], Undo]:
    def do(scene: Scene, alias: str) -> Undo:
        holder = subprocess.Popen(
            [sys.executable, "-c", program, str(scene.file(alias))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert holder.stdout is not None
        holder.stdout.readline()  # "held", or nothing: then it couldn't.

        def let_go() -> None:
            holder.kill()
            holder.communicate()

        return let_go

    return do


LOCKED_S, LOCKED_LONG_S = 5.0, 60.0

FILE_FAULTS = (
    Fault("file-renamed", "file", _to_file(_rename)),
    Fault("file-deleted", "file", _to_file(lambda path: path.unlink())),
    Fault("file-old", "file", _replace_by_old_copy),
    Fault("file-old-in-place", "file", _write_old_copy_in_place, is_hidden=True),
    Fault("file-old-over", "file", _write_old_copy_over, is_hidden=True),
    Fault("file-half", "file", _to_file(_truncate_to_half)),
    Fault("file-empty", "file", _to_file(_truncate_to_nothing)),
    Fault("file-garbage", "file", _fill_with_garbage),
    Fault("file-flipped", "file", _flip_a_value, is_hidden=True, targets=("catalog-1", "catalog-2")),
    Fault("file-bits", "file", _flip_bits, is_hidden=True, is_silent=True),
    Fault("file-edited", "file", _edit_a_row),
    Fault("file-read-only", "file", _make_read_only, holds_s=(1, 3)),
    Fault("folder-read-only", "file", _make_folder_read_only, holds_s=(1, 3)),
    Fault("disk-full", "file", _fill_the_disk, holds_s=(1, 3), targets=SMALL_DISKS),
    Fault("file-locked", "file", _hold(HOLD_LOCK), holds_s=(LOCKED_S, LOCKED_S)),
    Fault("file-locked-whole", "file", _hold(HOLD_BYTES), holds_s=(LOCKED_S, LOCKED_S)),
    Fault("wal-removed", "file", _to_file(lambda path: _without(path, "-wal"))),
    Fault("shm-removed", "file", _to_file(lambda path: _without(path, "-shm"))),
)
LONG_FAULTS = (
    Fault("file-locked-long", "file", _hold(HOLD_LOCK), holds_s=(LOCKED_LONG_S, LOCKED_LONG_S), weight=0.2),
)
