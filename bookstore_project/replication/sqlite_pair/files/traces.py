"""What the file system tells about a service's files without opening them: something else, if one was touched.

Whoever writes to a file, or changes what others may do with it, changes its times, and whoever puts another in its
place its number. (man 7 inode: "Last modification timestamp", "Last status change timestamp".) What happened within a
tick of the clock of an older change may leave the same traces: they tell when to look, not that all is well.
"""

from collections.abc import Iterator
from contextlib import suppress
from os import stat_result
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import Service

Traces = list[tuple[int, ...]]


def traces_of(service: Service) -> Traces | None:
    """Those of the witness, the databases, and their `-wal` and `-shm`.

    None if a file that has to be there can't be seen.
    """
    databases = [replication_settings.files[alias] for alias in service.aliases]
    try:
        found = [(*_trace(about), about.st_ctime_ns) for about in map(Path.stat, (service.witness_file, *databases))]
        return [*found, *(trace for path in databases for trace in _beside(path))]
    except OSError:
        return None


def _beside(database: Path) -> Iterator[tuple[int, ...]]:
    with suppress(FileNotFoundError):
        yield _trace(Path(f"{database}-wal").stat())  # SQLite, run by root, sets its owner whenever it opens it.
    with suppress(FileNotFoundError):
        about = Path(f"{database}-shm").stat()  # Readers write to it.
        yield about.st_dev, about.st_ino


def _trace(about: stat_result) -> tuple[int, ...]:
    place_and_rights = (about.st_dev, about.st_ino, about.st_mode, about.st_uid, about.st_gid)
    return (*place_and_rights, about.st_size, about.st_mtime_ns)
