"""What can befall the witness and the locks."""

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.chaos.faults import Fault, NotHere, Scene, Undo
from tests.databases import SERVICES


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
        file.seek(scene.rng.choice((0, 4096)))
        file.write(b"nonsense")


def _delete_witness(scene: Scene, service: str) -> Undo:
    return _quietly(scene, service, lambda path: path.unlink())


GUARD_FAULTS = (
    Fault("locks-removed", "locks", _remove_locks, targets=SERVICES),
    Fault("mutex-removed", "locks", _remove_mutex, targets=SERVICES),
    Fault("witness-flocked", "witness", _lock_witness(fcntl.flock), holds_s=(1, 3), targets=SERVICES, weight=0.5),
    Fault("witness-locked", "witness", _lock_witness(fcntl.lockf), holds_s=(1, 3), targets=SERVICES, weight=0.5),
    Fault("witness-read-only", "witness", _make_witness_read_only, holds_s=(1, 3), targets=SERVICES),
    Fault("witness-slot", "witness", _garble_a_slot, targets=SERVICES),
    Fault("witness-garbled", "witness", _garble_witness, holds_s=(2, 4), targets=SERVICES),
    Fault("witness-deleted", "witness", _delete_witness, holds_s=(2, 4), targets=SERVICES),
)
