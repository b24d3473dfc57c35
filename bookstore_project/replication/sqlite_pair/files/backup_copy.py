"""A verified copy of a replica's file, made beside the file whose place it is to take."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from bookstore_project import files
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.pacing import Pace, full_speed
from bookstore_project.replication.progress import Progress, silent
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.files import derived, scrub, source, stored_schema
from bookstore_project.replication.sqlite_pair.files.participant import (
    REPLICA_ERRORS,
    assert_incarnation,
    read_settled_head,
)
from bookstore_project.replication.sqlite_pair.membership.witness import Witness

SUFFIXES = ("-wal", "-shm", "-journal")
PAGE_PRAGMAS = ("page_count", "freelist_count", "page_size")
_STEPS = 20_000
"""Of SQLite's virtual machine, between two pieces of the copy; less than a millisecond's."""
_REPORT_EVERY = 50
"""Pieces between two reports of progress."""


@dataclass(frozen=True)
class Draft:
    """A whole and verified copy under another name, durable, with a nonce of its own."""

    path: Path
    nonce: str


def draft_path(alias: str, suffix: str) -> Path:
    path = replication_settings.files[alias]
    return path.with_name(f"{path.name}.{suffix}")


def new_draft(alias: str, suffix: str = "draft") -> Draft:
    """Where a copy for the alias is to be made: an empty file, its owner's alone, as what is in it will be.

    Raises Unavailable if there can't be one.
    """
    draft = Draft(draft_path(alias, suffix), secrets.token_hex(16))
    _make_own_folder(alias)
    try:
        remove(draft.path)
        files.make_file(draft.path)
    except OSError as error:
        raise Unavailable(f"{alias} can't be rebuilt: {error}") from error
    return draft


def _make_own_folder(alias: str) -> None:
    """There is a folder for the alias's file, and it isn't another alias's: a link that leads there is put aside.

    Raises Unavailable if it is, and no link.
    """
    folder = replication_settings.files[alias].parent
    files.make_folder(folder)
    for other in get_service(replication_settings.service_of_alias[alias]).aliases:
        if other == alias or not _is_same(folder, replication_settings.files[other].parent):
            continue
        if not folder.is_symlink():
            raise Unavailable(f"{alias} can't be rebuilt: {folder} is the folder of {other}.")
        files.put_aside(folder)
        files.make_folder(folder)


def _is_same(folder: Path, other: Path) -> bool:
    with suppress(OSError):
        return folder.samefile(other)
    return False


def make_draft(
    service: Service,
    alias: str,
    donor: str,
    witness: Witness,
    progress: Progress = silent,
    *,
    pace: Pace = full_speed,
    suffix: str = "draft",
    of_any_code: bool = False,
) -> Draft:
    """A copy of the donor at one moment, for `alias`. Raises Unavailable if the donor is damaged or can't be read.

    SQLite writes it anew, row by row, so that free pages stay behind. The writer lock isn't needed for any of it.
    A donor `of_any_code` is judged by the columns that it has.
    """
    draft = new_draft(alias, suffix)
    try:
        with source.opened(donor, witness, of_any_code=of_any_code, is_held=False) as donors:
            _write_anew(donors, draft.path, partial(progress, f"copying {donor} for {alias}"), pace)
            reached("repair-copied")
    except REPLICA_ERRORS as error:
        with suppress(OSError):
            remove(draft.path)  # It may be what fills the disk.
        raise Unavailable(f"{donor} can't be copied: {error}") from error
    with closing(sqlite3.connect(draft.path, isolation_level=None)) as copy:
        # The copy is of a later moment than the donor was looked at.
        assert_incarnation(copy, donor, witness, of_any_code=of_any_code)
        read_settled_head(copy, donor, witness)
        derived.mend(copy)
        as_stored = stored_schema.as_found(copy, service) if of_any_code else service
        if found := scrub.findings(copy, as_stored, partial(progress, f"verifying the copy for {alias}"), pace):
            maintenance_log.request_scrub(service.name)  # Which takes the donor's word for nothing.
            raise Unavailable(f"{donor} is damaged: {found[0]}. {alias} is not built from it.")
    make_replica(draft.path, draft.nonce)
    return draft


def copy_file(path: Path, draft: Draft) -> None:
    """A copy of a file that nobody writes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as original:
        _write_anew(original, draft.path, lambda part: None, full_speed)
    make_replica(draft.path, draft.nonce)


def make_replica(path: Path, nonce: str) -> None:
    """Makes a copy that nobody has open one that isn't the file it was copied from, durably."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=WAL")
        set_nonce(copy, nonce)
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files.sync_file(path)


def set_nonce(connection: sqlite3.Connection, nonce: str) -> None:
    """Makes the file one that isn't the one it was copied from."""
    connection.execute("DELETE FROM replication_incarnation /* for the protocol alone */")
    connection.execute("INSERT INTO replication_incarnation (nonce) VALUES (?)", (nonce,))


def _write_anew(original: sqlite3.Connection, path: Path, tell: Callable[[float], None], pace: Pace) -> None:
    """VACUUM INTO, which reads one snapshot: https://sqlite.org/lang_vacuum.html"""
    pages, free, size = (original.execute(f"PRAGMA {name}").fetchone()[0] for name in PAGE_PRAGMAS)
    whole = max(1, (pages - free) * size)

    pieces = count(1)

    def look() -> int:
        pace()
        if next(pieces) % _REPORT_EVERY == 0:
            with suppress(OSError):
                tell(min(1.0, path.stat().st_size / whole))
        return 0

    original.set_progress_handler(look, _STEPS)
    original.execute("VACUUM INTO ?", (str(path),))


def remove(path: Path) -> None:
    """A database file, and what lies beside it: a leftover WAL would be taken for that of the next file there."""
    for each in with_wal_files(path):
        files.remove(each)


def with_wal_files(path: Path) -> list[Path]:
    """A database file, and what may lie beside it."""
    return [path.with_name(path.name + suffix) for suffix in ("", *SUFFIXES)]


def put_aside(path: Path) -> Path:
    """Makes a database file a `….quarantine-TIME`, which none was before, with the WAL that belongs to it.

    Nothing is left beside its place. Gives back the quarantine's path, whether there was a file or not.
    """
    quarantine = next(place for place in _places_aside(path) if not any(map(Path.exists, with_wal_files(place))))
    if path.exists():
        for old, new in zip(with_wal_files(path), with_wal_files(quarantine), strict=True):
            with suppress(FileNotFoundError):
                old.rename(new)
    remove(path)
    return quarantine


def _places_aside(path: Path) -> Iterator[Path]:
    """By the time, in UTC; the second one of a second has a number."""
    name = f"{path.name}.quarantine-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    yield path.with_name(name)
    for number in count(2):
        yield path.with_name(f"{name}-{number}")
