"""A backup of a running store: both services at one moment, verified before it gets its name.

It is made under a hidden name beside its place, and renamed when it is whole and on disk: what an interruption leaves
isn't a backup, and is called `.<name>.partial-...`.
"""

import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from bookstore_project import files
from bookstore_project.archive import consistent_snapshot, manifest
from bookstore_project.archive.audit import audit, lines
from bookstore_project.archive.manifest import Content, FileSum, Manifest
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.engine import copies, copies_in_files
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.log import entries
from bookstore_project.replication.progress import Progress
from bookstore_project.replication.service import get_service
from bookstore_project.settings import secret_files

TAR = ".tar"


class CannotBackUp(Exception):
    """No backup was made; the message says why."""


def backup(target: Path, say: Callable[[str], None], progress: Progress) -> Manifest:
    """Makes `target`: a tar file if it is named so, else a folder. Readable by its owner only.

    Raises CannotBackUp (the target is there, or the store's files don't pass), Unavailable (a service can't promise
    a read now), OSError. Nothing is left behind but by a kill.
    """
    if os.path.lexists(target):
        raise CannotBackUp(f"{target} is there already: it is not overwritten.")
    if not target.parent.is_dir():
        raise CannotBackUp(f"There is no folder {target.parent}.")
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    try:
        made = _make(work, say, progress)
        reached("backup-whole")
        _put_in_place(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return made


def _make(work: Path, say: Callable[[str], None], progress: Progress) -> Manifest:
    with copies.making(work):
        contents = _copy(work, say, progress)
    _verify(work, progress)
    say("Verified: every row and the whole log of both services; ledger and orders agree.")
    try:
        secret = secret_files.read(secret_files.SECRET_KEY)
    except secret_files.Unusable as error:
        raise CannotBackUp(str(error)) from error
    files.write(work / manifest.SECRET, f"{secret}\n".encode(), sync=True)
    with suppress(FileNotFoundError, files.NotPlain):
        files.write(work / manifest.STAFF_PASSWORD, files.read(settings.STAFF_PASSWORD_FILE), sync=True)
    made = Manifest(maintenance_log.now(), contents, _sums(work))
    reached("backup-before-manifest")
    files.write(work / manifest.NAME, made.as_bytes(), sync=True)
    return made


def _copy(work: Path, say: Callable[[str], None], progress: Progress) -> dict[str, Content]:
    contents: dict[str, Content] = {}
    with consistent_snapshot.consistent_snapshots() as (readers, stood_still_s):
        say(f"Both services at one moment; sales stood still for {stood_still_s * 1000:.0f} ms.")
        for name, reader in readers.items():
            assert reader.snapshot is not None
            path, tell = work / f"{name}.sqlite3", partial(progress, f"copying {name}")
            reader.do(partial(copies.write_copy, get_service(name), reader.snapshot.alias, path, tell))
            contents[name] = _content(path, name, reader.snapshot.timeline)
            reached(f"backup-copied-{name}")
    try:
        copies.write_accounts(work / manifest.ACCOUNTS, partial(progress, f"copying {manifest.ACCOUNTS}"))
    except (sqlite3.DatabaseError, DatabaseError) as error:
        raise CannotBackUp(f"the accounts can't be read: {error}") from error
    return contents


def _content(path: Path, name: str, timeline: str) -> Content:
    with closing(sqlite3.connect(path)) as copy:
        head = entries.read_head(copy)
        migrations = copy.execute("SELECT app, name FROM django_migrations ORDER BY app, name").fetchall()
        rows = {table: copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in _tables(name)}
    return Content(timeline, head.position, head.hash, tuple(f"{app}.{each}" for app, each in migrations), rows)


def _tables(name: str) -> list[str]:
    return [*get_service(name).tables, "replication_logentry"]


def _verify(work: Path, progress: Progress) -> None:
    """The copies, not what they were copied from. Raises CannotBackUp."""
    with (
        closing(sqlite3.connect(work / "catalog.sqlite3")) as catalog,
        closing(sqlite3.connect(work / "order.sqlite3")) as order,
    ):
        for name, copy in (("catalog", catalog), ("order", order)):
            if found := copies_in_files().findings(copy, get_service(name), partial(progress, f"verifying {name}")):
                raise CannotBackUp(f"The copy of {name} that was read is damaged: {found[0]}. Run a scrub first.")
        audited = audit(catalog.execute, order.execute)
    if not audited.is_clean:
        raise CannotBackUp("\n".join(["Ledger and orders don't agree:", *lines(audited)]))


def _sums(work: Path) -> dict[str, FileSum]:
    return {path.name: manifest.sum_of(path) for path in sorted(work.iterdir())}


def _put_in_place(work: Path, target: Path) -> None:
    if target.suffix != TAR:
        os.rename(work, target)  # noqa: PTH104  (Path.rename says the same; of a folder, onto nothing or an empty one)
        files.sync_folder(target.parent)
        return
    packed = work / target.name
    with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(work.iterdir()):
            if path != packed:
                tar.add(path, arcname=path.name, filter=_anonymous)
    packed.chmod(0o600)
    files.sync_file(packed)
    os.link(packed, target)  # Fails where a rename would overwrite.
    files.sync_folder(target.parent)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """As root unpacks it, it belongs to root, not to whoever has that number there."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member
