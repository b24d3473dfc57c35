"""The simulated machine's disk: what was written and not synced, which a power cut may take, and whether it is full.

Writes go to real files at once, as they go to the page cache: what would be lost is noted beside them, by whoever
writes. A file's content is durable once the file was synced, its name once its folder was: fsync(2).
"""

import errno
import fcntl
import marshal
import mmap
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.simulation import actors

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
_real_stat, _real_link, _real_unlink = os.stat, os.link, os.unlink
_real_open, _real_write = os.open, os.write
_FOLDERS = "folders"
_shared = mmap.mmap(-1, 16)
"""Of all processes: by number of a folder of ALIASES, whether its disk is full; whether disks are WATCHED; then how
many removed files were kept."""
WATCHED = 7
ALIASES = ("catalog-1", "catalog-2", "order-1", "order-2")

Record = tuple[int, bytes, bytes | None, int]
"""Of a write: its offset, what was there, what was written, and how long the file was. Of a cut: where, what went."""
Change = tuple[str, ...]
_data, _notes = "", ""
"""The data folder, and where is noted what isn't durable."""
_pending: dict[str, bytearray] = {}
"""By the name of a file of notes, what is still to be written there."""


def set_up(data: Path) -> None:
    """Before any process is forked: where the store is."""
    global _data, _notes
    _data, _notes = f"{data}/", str(data.with_name("unsynced"))


def notes() -> Path:
    """The folder in which is noted what isn't durable."""
    return Path(_notes)


def watch(*, is_wished: bool) -> None:
    """From now on, in all processes, what isn't durable is noted, or isn't."""
    _shared[:] = bytes(len(_shared))
    _shared[WATCHED] = is_wished
    shutil.rmtree(_notes, ignore_errors=True)
    if is_wished:
        (notes() / "kept").mkdir(parents=True)


def is_watched() -> bool:
    return bool(_shared[WATCHED])


def fill(alias: str | None) -> None:
    """The disk of that folder is full from now on, and no other is."""
    _shared[: len(ALIASES)] = bytes(len(ALIASES))
    if alias is not None:
        _shared[ALIASES.index(alias)] = 1


def is_full(path: str) -> bool:
    alias = path.removeprefix(_data).partition("/")[0] if path.startswith(_data) else ""
    return alias in ALIASES and bool(_shared[ALIASES.index(alias)])


# ------------------------------------------------------------------------------------------------ noting


def note_write(inode: int, offset: int, old: bytes, new: bytes | None, size: int) -> None:
    """`new` is None for a cut at `offset`."""
    _append(str(inode), (offset, old, new, size))


def note_sync(inode: int) -> None:
    _pending.pop(str(inode), None)
    with suppress(FileNotFoundError):
        _real_unlink(f"{_notes}/{inode}")


def note_new_file(path: str) -> None:
    note_sync(_real_stat(path).st_ino)  # Of a former file of that number.
    _note_change(path, "create", path)


def note_folder_sync(folder: str) -> None:
    _append(_FOLDERS, (folder, "sync"))


def note_removal(path: str, remove: Callable[[], None]) -> None:
    kept = _keep(path)
    remove()
    _note_change(path, "unlink", path, kept)


def _note_change(path: str, *change: str) -> None:
    _append(_FOLDERS, (str(Path(path).parent), *change))


def _keep(path: str) -> str:
    """Another name of the file, by which it can be had again; empty if there is none."""
    number = int.from_bytes(_shared[8:], "little") + 1
    kept = f"{_notes}/kept/{number:08}"
    try:
        _real_link(path, kept)
    except OSError:
        return ""
    _shared[8:] = number.to_bytes(8, "little")
    return kept


def _append(name: str, what: tuple[Any, ...]) -> None:
    _pending.setdefault(name, bytearray()).extend(marshal.dumps(what))
    if actors.world is None:
        write_notes()


def write_notes() -> None:
    """To be called before anybody else may run, or end this process: until then what is noted is kept in memory."""
    for name, noted in _pending.items():
        descriptor = _real_open(f"{_notes}/{name}", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _real_write(descriptor, noted)
        finally:
            os.close(descriptor)
    _pending.clear()


# ------------------------------------------------------------------------------------- what Python calls


def noting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The function of `os` of that name, which notes what it does to the store's files."""
    every: dict[str, Callable[..., Any]] = {
        "write": _write,
        "pwrite": _write,
        "fsync": _fsync,
        "open": _open,
        "replace": _rename,
        "rename": _rename,
        "link": _link,
        "unlink": _unlink,
    }
    noted = every[name]

    def called(*arguments: Any, **options: Any) -> Any:
        is_store_s = is_watched() and actors.world is not None
        return noted(call, *arguments, **options) if is_store_s else call(*arguments, **options)

    return called


def _path_of(descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - for each write: a tenth of pathlib's time
    except OSError:
        return ""


def _write(call: Callable[..., Any], descriptor: int, data: Any, *offset: int) -> Any:
    path = _path_of(descriptor)
    if not path.startswith(_data):
        return call(descriptor, data, *offset)
    about = os.fstat(descriptor)
    at = offset[0] if offset else _position(descriptor, about.st_size)
    new = bytes(data)
    if is_full(path) and at + len(new) > about.st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    note_write(about.st_ino, at, _content(descriptor, at, len(new)), new, about.st_size)
    return call(descriptor, data, *offset)


def _content(descriptor: int, at: int, count: int) -> bytes:
    """Of a file that may have been opened for writing alone."""
    reading = _real_open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(reading, count, at)
    finally:
        os.close(reading)


def _position(descriptor: int, size: int) -> int:
    is_appending = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
    return size if is_appending else os.lseek(descriptor, 0, os.SEEK_CUR)


def _fsync(call: Callable[..., Any], descriptor: int) -> None:
    call(descriptor)
    path = _path_of(descriptor)
    if path.startswith(_data) or f"{path}/" == _data:
        if Path(path).is_dir():
            note_folder_sync(path)
        else:
            note_sync(os.fstat(descriptor).st_ino)


def _open(call: Callable[..., Any], path: Any, flags: int, *more: Any, **options: Any) -> Any:
    named = os.fspath(path) if flags & os.O_CREAT and not isinstance(path, bytes) else ""
    if not named.startswith(_data) or os.path.lexists(named):
        return call(path, flags, *more, **options)
    if is_full(named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), named)
    descriptor = call(path, flags, *more, **options)
    note_new_file(named)
    return descriptor


def _rename(call: Callable[..., Any], source: Any, target: Any) -> None:
    before, after = os.fspath(source), os.fspath(target)
    if not after.startswith(_data):
        call(source, target)
        return
    kept = _keep(after)
    call(source, target)
    _note_change(after, "rename", before, after, kept)


def _link(call: Callable[..., Any], source: Any, target: Any, **options: Any) -> None:
    call(source, target, **options)
    if (after := os.fspath(target)).startswith(_data):
        _note_change(after, "create", after)


def _unlink(call: Callable[..., Any], path: Any, **options: Any) -> None:
    if (named := os.fspath(path)).startswith(_data):
        note_removal(named, lambda: call(path, **options))
    else:
        call(path, **options)
