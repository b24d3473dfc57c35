"""A used store of real files, quickly laid out; what can befall its files; and a process that does it to them.

For tests that need hundreds of stores: the files are prepared once, and copied.
"""

import json
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import connections

from bookstore_project import sqlite_files
from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.backend.base import identity_of
from bookstore_project.replication.sqlite_pair.files import file_identity
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership import witness
from bookstore_project.replication.sqlite_pair.membership.witness import (
    FileRecord,
    Witness,
    create_witness,
    read_witness,
)
from bookstore_project.replication.sqlite_pair.reading import gate
from bookstore_project.replication.tests.support.strangers import copy
from bookstore_project.replication.tests.support.workloads import Goods

Heal = Callable[[], object]
OLD = "old"
"""The name beside a file of an old copy of it: a few writes and a checkpoint ago."""
BUSY_S = 0.05


# ------------------------------------------------------------------------------------------ a used store


@dataclass(frozen=True)
class Prepared:
    """One service's files as they were left, and what they hold."""

    folder: Path
    witness: Witness
    count: int


def prepare(goods: Goods, folder: Path) -> Prepared:
    """Uses the store at hand, until an old copy in a file's place would do harm; keeps copies of its files.

    Under the file of each replica: free pages, so that it doesn't grow; a checkpoint after what the old copy lacks;
    and a `-wal` that knows of later writes alone.
    """
    service = get_service(goods.service)
    goods.prepare()
    goods.write()
    goods.pad()
    _checkpoint(service)
    for alias in service.aliases:
        copy(replication_settings.files[alias], folder / f"{alias}.{OLD}")
    goods.write()
    _checkpoint(service)
    goods.pad()
    with reads.reading(service.name, alias=service.aliases[0]):
        count = goods.count()
    for alias in service.aliases:
        path = replication_settings.files[alias]
        copy(path, folder / alias)
        copy(Path(f"{path}-wal"), folder / f"{alias}-wal")
    return Prepared(folder, read_witness(service.witness_file), count)


def _checkpoint(service: Service) -> None:
    with writer_lock(service.lock_dir):
        file_identity.checkpoint(service, read_witness(service.witness_file))


def lay_out(prepared: Prepared, service: Service, stranger: "Stranger") -> None:
    """The files as they were, of a store that doesn't run, and a witness that knows them."""
    for alias in service.aliases:
        stranger.lay_out(prepared.folder, alias, replication_settings.files[alias])
    files = {alias: _record(alias, known) for alias, known in prepared.witness.files.items()}
    create_witness(service.witness_file, replace(prepared.witness, timeline=uuid.uuid4().hex[:8], files=files))


def _record(alias: str, known: FileRecord) -> FileRecord:
    path = replication_settings.files[alias]
    status = path.stat()
    return FileRecord(
        identity_of(str(path)), known.nonce, status.st_size, status.st_mtime_ns, file_identity.wal_identity(path)
    )


# ---------------------------------------------------------------------------------------- what befalls files

_DO_AS_TOLD = """
import glob, json, os, shutil, sys
def overwrite(path, content):
    with open(path, "r+b") as file:
        file.write(content)
        file.truncate()
for line in sys.stdin:
    done = None
    exec(json.loads(line))
    print(json.dumps(done), flush=True)
"""


class Stranger:
    """Another process, which knows nothing of the store, and does to its files what it is told."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DO_AS_TOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, code: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(code), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline(), code

    def lay_out(self, folder: Path, alias: str, path: Path) -> None:
        self.do(
            f"for left in glob.glob({str(path)!r} + '*'): os.unlink(left)\n"
            f"for name in ('', '-wal', '.{OLD}'):\n"
            f"    shutil.copyfile({str(folder / alias)!r} + name, {str(path)!r} + name)"
        )

    def clear(self, *paths: Path) -> None:
        """Nothing is left of these, or beside them."""
        self.do(f"for path in {list(map(str, paths))}:\n    for left in glob.glob(path + '*'): os.unlink(left)")

    def end(self) -> None:
        self._process.communicate()


@dataclass(frozen=True)
class Fault:
    """What somebody does to the file at `path`, as code for a stranger or by SQL. If `is_passing`, it is locked."""

    code: str = ""
    sql: Callable[[Goods], str] | None = None
    is_unseen: bool = False
    """The SQL is run where no trigger sees it."""
    is_passing: bool = False

    def strike(self, stranger: Stranger, path: Path, goods: Goods) -> Heal:
        """Does it; gives back what ends it. What isn't there any more, or is no database, suffers no more."""
        if self.code:
            stranger.do(f"path = {str(path)!r}\nif os.path.exists(path):\n    {self.code}")
            return lambda: None
        if self.is_passing:
            return _lock(path)
        assert self.sql is not None
        with suppress(sqlite3.Error), sqlite_files.opened(path, is_writable=True, timeout_s=BUSY_S) as connection:
            _change(connection, self.sql(goods), is_unseen=self.is_unseen)
        return lambda: None


def _lock(path: Path) -> Heal:
    try:
        connection = sqlite_files.connect(path, is_writable=True, timeout_s=BUSY_S)
    except sqlite3.Error:
        return lambda: None
    with suppress(sqlite3.Error):
        connection.execute("BEGIN EXCLUSIVE")
    return connection.close


def _change(connection: sqlite3.Connection, sql: str, *, is_unseen: bool) -> None:
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    if is_unseen:
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute(sql)
    if is_unseen:
        for _, text in triggers:
            connection.execute(text)


FAULTS: Mapping[str, Fault] = {
    "deleted": Fault("os.unlink(path)"),
    "old": Fault(
        f"shutil.copyfile(path + '.{OLD}', path + '.new'); os.replace(path + '.new', path); "
        "[os.unlink(path + beside) for beside in ('-wal', '-shm') if os.path.exists(path + beside)]"
    ),
    "half": Fault("os.truncate(path, os.path.getsize(path) // 2)"),
    "garbage": Fault("overwrite(path, b'\\xa5' * os.path.getsize(path))"),
    "in-place": Fault(f"overwrite(path, open(path + '.{OLD}', 'rb').read())"),
    "wal": Fault("os.path.exists(path + '-wal') and os.unlink(path + '-wal')"),
    "shm": Fault("os.path.exists(path + '-shm') and os.unlink(path + '-shm')"),
    "flipped": Fault(sql=lambda goods: goods.damage, is_unseen=True),
    "edited": Fault(sql=lambda goods: goods.edit),
    "locked": Fault(is_passing=True),
}


def forget_everything() -> None:
    """As if all processes had ended in good order: what comes afterwards is a start."""
    connections.close_all()
    witness._newest.clear()
    witness._past.clear()
    gate._assert_not_stale.cache_clear()
