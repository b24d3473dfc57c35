"""Small files of the store's own, beside the databases: read only if they are plain files, written in one step.

Something else may lie in the place of one: a folder, a link to nowhere, a pipe that nobody writes to. It neither
hangs whoever reads there nor stops whoever writes: that one puts it aside, under `var/aside/`. Nothing is deleted.
"""

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bookstore_project.settings import topology

logger = logging.getLogger("bookstore.files")

MOST_BYTES = 1 << 20
_OUT_OF_PLACE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL))


class NotPlain(OSError):
    """What lies there is no plain file."""


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """What the file holds, `most` bytes of it; waits for nobody. Raises OSError: NotPlain for what is no file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise NotPlain(errno.EINVAL, "it is no plain file", str(path))
        # A buffer of `most` bytes comes from the kernel and goes back to it each time: more work than reading.
        return os.read(descriptor, min(most, about.st_size))
    finally:
        os.close(descriptor)


def assert_plain(path: Path) -> None:
    """Raises OSError unless a file lies there: NotPlain for something else."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise NotPlain(errno.EINVAL, "it is no plain file", str(path))


def is_out_of_place(error: OSError) -> bool:
    """Whether nothing is there, or something else than a file: not a file that can't be read for once."""
    return error.errno in _OUT_OF_PLACE


def write(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Puts a file with this content at the path, whole or not at all; with `sync`, durably. Raises OSError."""
    with _draft(path, content, sync=sync) as draft:
        put_in_place(draft, path)
    if sync:
        sync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """The same, durably, where nothing lies yet. Raises FileExistsError if something does, or another OSError."""
    with _draft(path, content, sync=True) as draft:
        os.link(draft, path)  # Fails where a rename would overwrite.
    sync_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes, *, sync: bool) -> Iterator[Path]:
    """A file with this content, its owner's alone, beside the path; it is gone after the block."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = _open_draft(draft)
    try:
        try:
            _write_all(descriptor, content)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink()


def _open_draft(draft: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(draft, flags, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        make_folder(draft.parent)
        return os.open(draft, flags, 0o600)


def _write_all(descriptor: int, content: bytes) -> None:
    # Without a file object, which asks the kernel three things about it first: leases are written all the time.
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def open_to_append(path: Path) -> int:
    """A descriptor of the file, which is made if it isn't there. Raises OSError."""
    make_folder(path.parent)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    for _ in range(2):
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            if not is_out_of_place(error):
                raise
        else:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
        put_aside(path)
    raise NotPlain(errno.EINVAL, "it is no plain file", str(path))


def put_in_place(draft: Path, path: Path) -> None:
    """Renames a file to the path, where a folder may lie. Raises OSError."""
    try:
        draft.replace(path)
    except IsADirectoryError:
        put_aside(path)
        draft.replace(path)


def remove(path: Path) -> None:
    """Nothing is at the path afterwards: a file is deleted, a folder put aside. Raises OSError."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if path.is_symlink() or not path.is_dir():
            raise
        put_aside(path)


def make_file(path: Path) -> None:
    """There is a file at the path afterwards: an empty one that is its owner's alone, if none was there."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600))


def make_folder(path: Path, mode: int = 0o700) -> None:
    """There is a folder at the path afterwards; what lies in its way, within the data folder, is put aside.

    Its parents get the same mode, if they are made: `Path.mkdir` would open them to whoever the umask lets in.
    """
    while True:
        try:
            path.mkdir(mode=mode, exist_ok=True)
            return
        except FileNotFoundError:
            if path.parent == path:
                raise
            make_folder(path.parent, mode)
        except (FileExistsError, NotADirectoryError):
            obstacle = _obstacle(path)
            if obstacle is None:
                raise
            put_aside(obstacle)


def _obstacle(path: Path) -> Path | None:
    for part in reversed((path, *path.parents)):
        if topology.DATA in part.parents and os.path.lexists(part) and not part.is_dir():
            return part
    return None


def put_aside(path: Path) -> Path:
    """Moves whatever lies there out of the way, under a name that nothing had before. Raises OSError."""
    aside = topology.DATA / "aside" / f"{path.parent.name}-{path.name}-{time.time_ns()}"
    aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.rename(aside)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        aside = path.with_name(f".{path.name}.aside-{time.time_ns()}")
        path.rename(aside)
    logger.warning("%s was no file or folder of the store's: it was put aside as %s", path, aside)
    return aside


def sync_file(path: Path) -> None:
    """Makes the content of a file durable. Of a database only while nobody has it open.

    Closing a descriptor of it drops the locks that SQLite has in this process: fcntl(2).
    """
    _sync(path, os.O_RDWR)


def sync_folder(path: Path) -> None:
    """Makes a rename in that folder durable: rename(2), fsync(2)."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
