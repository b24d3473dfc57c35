"""A backup on its way back: copied beside the store, and verified there, so that what is checked is what is used."""

import pkgutil
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.db.migrations.loader import MigrationLoader

from bookstore_project import sqlite_files
from bookstore_project.archive import manifest
from bookstore_project.archive.audit import audit, lines
from bookstore_project.archive.manifest import Manifest, NotABackup
from bookstore_project.replication import migrations
from bookstore_project.replication.engine import copies_in_files
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import REPLICATION_APP, Service, get_service
from bookstore_project.settings import topology

MOST_MANIFEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Staged:
    """A verified backup in a folder of the store's own disk."""

    folder: Path
    manifest: Manifest

    def file(self, service_name: str) -> Path:
        return self.folder / f"{service_name}.sqlite3"


def stage(source: Path, folder: Path) -> Staged:
    """Copies the backup into `folder`, anew, and verifies it. Raises NotABackup, with the reason."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        with _members(source) as opened:
            made = manifest.parse(opened.read(manifest.NAME))
            for name, expected in made.files.items():
                with opened.open(name) as member, (folder / name).open("xb") as target:
                    found = manifest.copy(member, target)
                (folder / name).chmod(0o600)
                if found != expected:
                    raise NotABackup(f"{name} isn't what the manifest says: it was changed, or is damaged.")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise NotABackup(f"{source} can't be read as a backup: {error}") from error
    _verify(folder, made)
    return Staged(folder, made)


# --------------------------------------------------------------------------------------- a folder, or a tar file


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> IO[bytes]:
        path = self._path / name
        if path.is_symlink() or not path.is_file():
            raise NotABackup(f"{name} is missing.")
        return path.open("rb")

    def read(self, name: str) -> bytes:
        with self.open(name) as member:
            return member.read(MOST_MANIFEST_BYTES)


class _Tar(_Folder):
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def open(self, name: str) -> IO[bytes]:
        try:
            member = self._tar.extractfile(name)
        except KeyError:
            member = None
        if member is None:  # Not there, or no plain file.
            raise NotABackup(f"{name} is missing.")
        return member


@contextmanager
def _members(source: Path) -> Iterator[_Folder]:
    if source.is_dir():
        yield _Folder(source)
        return
    with tarfile.open(source, "r:") as tar:
        yield _Tar(tar)


# ----------------------------------------------------------------------------------------------- verification


def _verify(folder: Path, made: Manifest) -> None:
    try:
        with (
            sqlite_files.opened(folder / "catalog.sqlite3") as catalog,
            sqlite_files.opened(folder / "order.sqlite3") as order,
            sqlite_files.opened(folder / manifest.ACCOUNTS) as accounts,
        ):
            _check(catalog, get_service(topology.CATALOG), made)
            _check(order, get_service(topology.ORDER), made)
            _assert_known_schema(accounts, manifest.ACCOUNTS)
            (verdict,) = accounts.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise NotABackup(f"{manifest.ACCOUNTS} is damaged: {verdict}")
            audited = audit(catalog.execute, order.execute)
    except (sqlite3.Error, ReplicaFault) as error:
        raise NotABackup(f"Its databases can't be read: {error}") from error
    if not audited.is_clean:
        raise NotABackup("\n".join(["Its ledger and its orders don't agree:", *lines(audited)]))


def _check(connection: sqlite3.Connection, service: Service, made: Manifest) -> None:
    _assert_known_schema(connection, service.name)
    if complaint := copies_in_files().complaint(connection, service):
        raise NotABackup(f"{service.name}.sqlite3 is damaged: {complaint}")
    head, content = entries.read_head(connection), made.services.get(service.name)
    if content is None or (head.position, head.hash) != (content.position, content.hash):
        raise NotABackup(f"{service.name}.sqlite3 ends at another log entry than the manifest says.")


def _assert_known_schema(connection: sqlite3.Connection, name: str) -> None:
    """An older schema is migrated when the store starts; a newer one, this code can't know."""
    applied = {(app, each) for app, each in connection.execute("SELECT app, name FROM django_migrations")}
    known = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    # Of what stands in a file beside the rows: another engine has its own.
    known |= {(REPLICATION_APP, each.name) for each in pkgutil.iter_modules(migrations.__path__)}
    if unknown := sorted(applied - known):
        listed = ", ".join(f"{app}.{each}" for app, each in unknown[:5])
        raise NotABackup(f"{name} has a newer schema than this code knows ({listed}): restore it with newer code.")
