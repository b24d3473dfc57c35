"""What can befall the witness and the locks."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bookstore_project.replication.sqlite_pair.membership.witness import Witness
from tests.chaos.faults import Fault, Missed, NotHere, Scene, Undo
from tests.databases import SERVICES

NONSENSE = b"nonsense"
WRITES_OF_A_MOMENT = 6
"""Of the witness: one each time that the floor rises."""
UNWRITTEN_S = 5.0


def _remove_locks(scene: Scene, service: str) -> None:
    shutil.rmtree(scene.store.data / "locks" / service, ignore_errors=True)


def _remove_mutex(scene: Scene, service: str) -> None:
    with suppress(OSError):
        (scene.store.data / "locks" / service / "mutex").rmdir()


def _lock_witness(take: Callable[[int, int], None]) -> Callable[[Scene, str], Undo]:
    def do(scene: Scene, service: str) -> Undo:
        descriptor = os.open(scene.witness_file(service), os.O_RDWR | os.O_CLOEXEC)
        take(descriptor, fcntl.LOCK_EX)
        return lambda: os.close(descriptor)

    return do


def _make_witness_read_only(scene: Scene, service: str) -> Undo:
    if not scene.is_bound_by_modes:
        raise NotHere("processes that respect permission bits: root's don't, without setpriv")
    path = scene.witness_file(service)
    path.chmod(0o444)

    def restore() -> None:
        with suppress(FileNotFoundError):
            path.chmod(0o600)

    return restore


def _quietly(scene: Scene, service: str, change: Callable[[Path], None]) -> Undo:
    """Damages the witness between two writes; what is taken back is the witness as it was then, if nobody has
    made another since."""
    path = scene.witness_file(service)
    mutex = os.open(scene.store.data / "locks" / service / "mutex", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        good = path.read_bytes()
        change(path)
    finally:
        os.close(mutex)

    def put_back() -> None:
        if scene.witness(service) is None:
            draft = path.with_suffix(".good")
            draft.write_bytes(good)
            draft.replace(path)

    return put_back


def _garble_witness(scene: Scene, service: str) -> Undo:
    return _quietly(scene, service, lambda path: _overwrite(path, scene.rng.randbytes(path.stat().st_size)))


def _overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


def _garble_a_slot(scene: Scene, service: str) -> None:
    with scene.witness_file(service).open("r+b") as file:
        if NONSENSE in file.read():
            raise Missed("the other slot is all that is left")
        file.seek(scene.rng.choice((0, 4096)))
        file.write(NONSENSE)


def _delete_witness(scene: Scene, service: str) -> Undo:
    return _quietly(scene, service, lambda path: path.unlink())


def _replace_witness_by_old_copy(scene: Scene, service: str) -> Undo:
    """As restoring a backup of that folder does; the old one isn't of the beginning, but of a few writes ago."""
    path = scene.witness_file(service)
    old = path.read_bytes()
    before = scene.witness(service)
    if before is None or not _is_written(scene, service, since=before):
        raise Missed("nobody has written it for long: an old copy would be none")

    def replace(path: Path) -> None:
        draft = path.with_suffix(".old")
        draft.write_bytes(old)
        draft.replace(path)

    return _quietly(scene, service, replace)


def _is_written(scene: Scene, service: str, *, since: Witness) -> bool:
    """Whether it is, soon: with nobody to write it, it stays as it was."""
    deadline = time.monotonic() + UNWRITTEN_S
    while time.monotonic() < deadline:
        now = scene.witness(service)
        if now is not None and (now.timeline != since.timeline or now.counter >= since.counter + WRITES_OF_A_MOMENT):
            return True
        time.sleep(0.02)
    return False


def _rename_both(scene: Scene, service: str) -> Undo:
    """Nobody can serve; then somebody finds the files, and puts them back."""
    paths = [scene.file(f"{service}-{number}") for number in (1, 2)]
    taken = [path for path in paths if path.exists()]
    for path in taken:
        path.replace(path.with_name("taken"))

    def put_back() -> None:
        for path in taken:
            if not path.exists():
                path.with_name("taken").replace(path)

    return put_back


COORDINATION_FAULTS = (
    Fault("locks-removed", "locks", _remove_locks, targets=SERVICES),
    Fault("mutex-removed", "locks", _remove_mutex, targets=SERVICES),
    Fault("witness-flocked", "witness", _lock_witness(fcntl.flock), holds_s=(1, 3), targets=SERVICES, weight=0.5),
    Fault("witness-locked", "witness", _lock_witness(fcntl.lockf), holds_s=(1, 3), targets=SERVICES, weight=0.5),
    Fault("witness-read-only", "witness", _make_witness_read_only, holds_s=(1, 3), targets=SERVICES),
    Fault("files-taken", "both", _rename_both, holds_s=(2, 4), targets=SERVICES),
    Fault("witness-slot", "witness", _garble_a_slot, targets=SERVICES),
    Fault("witness-garbled", "witness", _garble_witness, holds_s=(2, 4), targets=SERVICES),
    Fault("witness-deleted", "witness", _delete_witness, holds_s=(2, 4), targets=SERVICES),
    Fault("witness-old", "witness", _replace_witness_by_old_copy, holds_s=(2, 4), targets=SERVICES),
)
