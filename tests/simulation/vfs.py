"""SQLite's own writing, syncing and waiting, by the simulated disk and clock: some methods of its VFS are replaced.

Source: https://sqlite.org/vfs.html, https://sqlite.org/c3ref/vfs.html, https://sqlite.org/c3ref/io_methods.html
"""

import ctypes
import os
import traceback
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulation import actors, disk

FULL, OPEN_CREATE = 13, 0x4
DATABASE, JOURNAL, WAL = 0x100, 0x800, 0x80000
"""SQLITE_OPEN_…: what kind of file it is."""
_METHODS = 19
"""Words of `sqlite3_io_methods`, version 3."""
_WRITE, _TRUNCATE, _SYNC, _SIZE, _READ = 3, 4, 5, 6, 2
"""Where they are among these."""

Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
Sleep = CFUNCTYPE(c_int, c_void_p, c_int)
Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
Sync = CFUNCTYPE(c_int, c_void_p, c_int)
Size = CFUNCTYPE(c_int, c_void_p, POINTER(c_int64))


class Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        *((name, c_void_p) for name in ("xOpen", "xDelete", "xAccess", "xFullPathname")),
        *((name, c_void_p) for name in ("xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness", "xSleep")),
    )


@dataclass
class Handle:
    path: str
    inode: int
    owes_folder: bool
    """With its first sync SQLite syncs the folder, too: of each journal that may be made by whoever opens it."""
    methods: "Methods"


class Methods:
    """Of files of one kind: SQLite's own, and a table in which some are replaced."""

    def __init__(self, original: Any) -> None:
        self.write, self.read = Write(original[_WRITE]), Write(original[_READ])
        self.truncate, self.sync = Truncate(original[_TRUNCATE]), Sync(original[_SYNC])
        self.size = Size(original[_SIZE])
        self.replaced = (c_void_p * _METHODS)(*original)
        for number, kind, call in ((_WRITE, Write, _write), (_TRUNCATE, Truncate, _truncate), (_SYNC, Sync, _sync)):
            replaced = kind(_guarded(call))
            _kept.append(replaced)
            self.replaced[number] = ctypes.cast(replaced, c_void_p).value


_handles: dict[int, Handle] = {}
_kept: list[Any] = []
"""What C points at."""
_methods: dict[int, Methods] = {}
"""By where the original ones are."""


def install() -> None:
    """In the process from which nodes are forked."""
    import _sqlite3

    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    for name, kind, make in (("xOpen", Open, _opening), ("xDelete", Delete, _deleting), ("xSleep", Sleep, _sleeping)):
        replaced = kind(_guarded(make(kind(getattr(vfs, name)))))
        _kept.append(replaced)
        setattr(vfs, name, ctypes.cast(replaced, c_void_p).value)


def _guarded(call: Callable[..., int]) -> Callable[..., int]:
    """An error in here must not pass for SQLite's success."""

    def called(*arguments: Any) -> int:
        try:
            return call(*arguments)
        except BaseException:
            traceback.print_exc()
            os._exit(70)

    return called


def _opening(original: Any) -> Callable[..., int]:
    def opened(vfs: int, name: int, file: int, flags: int, out: int) -> int:
        path = ctypes.string_at(name).decode() if name else ""
        is_noted = disk.is_watched() and flags & (DATABASE | JOURNAL | WAL) and actors.world is not None
        is_new = bool(is_noted and flags & OPEN_CREATE) and not os.path.lexists(path)
        code: int = original(vfs, name, file, flags, out)
        if code == 0 and is_noted and path:
            owes_folder = bool(flags & OPEN_CREATE and not flags & DATABASE)
            _watch(file, path, is_new=is_new and os.path.lexists(path), owes_folder=owes_folder)
        return code

    return opened


def _watch(file: int, path: str, *, is_new: bool, owes_folder: bool) -> None:
    if is_new:
        disk.note_new_file(path)
    words = ctypes.cast(file, POINTER(c_void_p))
    address = words[0] or 0
    if address not in _methods:
        _methods[address] = Methods(ctypes.cast(address, POINTER(c_void_p * _METHODS)).contents)
    methods = _methods[address]
    _handles[file] = Handle(path, Path(path).stat().st_ino, owes_folder, methods)
    words[0] = ctypes.addressof(methods.replaced)


def _size(file: int, handle: Handle) -> int:
    size = c_int64()
    handle.methods.size(file, size)
    return size.value


def _read(file: int, handle: Handle, offset: int, count: int) -> bytes:
    if count <= 0:
        return b""
    buffer = ctypes.create_string_buffer(count)
    handle.methods.read(file, ctypes.addressof(buffer), count, offset)
    return buffer.raw


def _write(file: int, data: int, count: int, offset: int) -> int:
    handle = _handles[file]
    size = _size(file, handle)
    if offset + count > size and disk.is_full(handle.path):
        return FULL
    old = _read(file, handle, offset, min(count, size - offset))
    disk.note_write(handle.inode, offset, old, ctypes.string_at(data, count), size)
    return int(handle.methods.write(file, data, count, offset))


def _truncate(file: int, size: int) -> int:
    handle = _handles[file]
    before = _size(file, handle)
    disk.note_write(handle.inode, size, _read(file, handle, size, before - size), None, before)
    return int(handle.methods.truncate(file, size))


def _sync(file: int, flags: int) -> int:
    handle = _handles[file]
    if actors.world is not None:
        actors.world.point("sync")
    code = int(handle.methods.sync(file, flags))
    disk.note_sync(handle.inode)
    if handle.owes_folder:
        handle.owes_folder = False
        disk.note_folder_sync(str(Path(handle.path).parent))
    return code


def _deleting(original: Any) -> Callable[..., int]:
    def deleted(vfs: int, name: bytes, syncs_folder: int) -> int:
        path = name.decode()
        if not disk.is_watched() or actors.world is None or not os.path.lexists(path):
            return int(original(vfs, name, syncs_folder))
        codes: list[int] = []
        disk.note_removal(path, lambda: codes.append(original(vfs, name, syncs_folder)))
        if syncs_folder:
            disk.note_folder_sync(str(Path(path).parent))
        return codes[0]

    return deleted


def _sleeping(_original: Any) -> Callable[..., int]:
    def slept(vfs: int, us: int) -> int:
        if actors.world is not None:  # In the simulator nobody else goes on meanwhile: what it waits for won't come.
            actors.world.sleep(us / 1e6)
        return us

    return slept
