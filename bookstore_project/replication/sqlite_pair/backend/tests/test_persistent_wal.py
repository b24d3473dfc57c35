"""What the end of a connection leaves as it is."""

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from django.db import OperationalError

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.sqlite_pair.backend import base
from bookstore_project.replication.sqlite_pair.backend.base import wrapper
from bookstore_project.replication.sqlite_pair.files import backup_copy
from bookstore_project.replication.tests.support.articles import raise_price

SHELF = "shelf-1"


@contextmanager
def that_nobody_can_open(path: Path) -> Iterator[None]:
    """Not even the superuser: a symbolic link to itself, which SQLite doesn't follow."""
    aside = path.rename(path.with_suffix(".aside"))
    path.symlink_to(path)
    yield
    path.unlink()
    aside.rename(path)


def test_one_that_could_not_read_takes_nothing_from_the_file_that_comes_after(seven_articles: Path) -> None:
    """It lives as long as the traceback of its error, until somebody looks for garbage."""
    path = replication_settings.files[SHELF]
    raise_price()
    wrapper(SHELF).close()
    gc.collect()
    gc.disable()
    try:
        with that_nobody_can_open(Path(f"{path}-shm")), pytest.raises(OperationalError) as failure:
            wrapper(SHELF).connect_now()
        backup_copy.put_aside(path)
        with closing(sqlite3.connect(path)) as another:
            another.execute("PRAGMA journal_mode=WAL")
            another.execute("CREATE TABLE page (words)")
            another.executemany("INSERT INTO page VALUES (?)", [("x" * 900,)] * 200)
            another.commit()
            wal = Path(f"{path}-wal").stat().st_ino
            del failure
            gc.collect()
            assert Path(f"{path}-wal").stat().st_ino == wal
            with closing(sqlite3.connect(path)) as reader:
                assert reader.execute("SELECT count(*) FROM page").fetchone() == (200,)
    finally:
        gc.enable()


def descriptors_of(path: Path) -> list[str]:
    """Of this process, to what lies there now (man 5 proc)."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # That of the folder itself is closed by now.
            found.append(str(descriptor.readlink()))
    return [name for name in found if name.startswith(str(path)) and not name.endswith(" (deleted)")]


def test_one_that_fails_after_its_first_read_is_closed_at_once_and_merges_nothing(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = replication_settings.files[SHELF]
    raise_price()
    wrapper(SHELF).close()
    gc.collect()
    assert not descriptors_of(path), "it will be the last one"
    wal = Path(f"{path}-wal").read_bytes()
    monkeypatch.setattr(base, "PRAGMAS", ("SELECT count(*) FROM sqlite_master", "SELECT 1 FROM nowhere"))
    with pytest.raises(OperationalError, match="nowhere") as failure:
        wrapper(SHELF).connect_now()
    assert not descriptors_of(path), f"while somebody holds {failure}"
    assert Path(f"{path}-wal").read_bytes() == wal != b""
