"""What the file system tells about a service's files without opening them: something else, if one was touched.

Whoever writes to a file, or changes what others may do with it, changes its times, and whoever puts another in its
place its number. (man 7 inode: "Last modification timestamp", "Last status change timestamp".) What happened within a
tick of the clock of an older change may leave the same traces: they tell when to look, not that all is well.
"""

from contextlib import suppress
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import Service

Traces = dict[Path, tuple[int, ...]]


def traces_of(service: Service) -> Traces | None:
    """Those of the witness, the databases and their `-wal`; None if a file that has to be there can't be seen."""
    databases = [replication_settings.files[alias] for alias in service.aliases]
    found: Traces = {}
    try:
        for path in (service.witness_file, *databases):
            found[path] = (*_trace(path), path.stat().st_ctime_ns)
        for path in databases:
            wal = path.with_name(f"{path.name}-wal")
            with suppress(FileNotFoundError):
                found[wal] = _trace(wal)  # SQLite, run by root, sets its owner whenever it opens it.
    except OSError:
        return None
    return found


def _trace(path: Path) -> tuple[int, ...]:
    about = path.stat()
    place_and_rights = (about.st_dev, about.st_ino, about.st_mode, about.st_uid, about.st_gid)
    return (*place_and_rights, about.st_size, about.st_mtime_ns)
