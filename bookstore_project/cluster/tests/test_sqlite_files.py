"""Opening a database file by its path."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bookstore_project import sqlite_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database whose name a URI would take for something else."""
    path = tmp_path / "100%? #1.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE book (id)")
    return path


def test_it_is_read_and_not_written(path: Path) -> None:
    with sqlite_files.opened(path) as connection:
        assert connection.execute("SELECT count(*) FROM book").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("INSERT INTO book VALUES (1)")


def test_it_is_written_where_that_is_asked_for_and_each_statement_counts_by_itself(path: Path) -> None:
    with sqlite_files.opened(path, is_writable=True) as connection:
        connection.execute("INSERT INTO book VALUES (1)")
    with sqlite_files.opened(path) as connection:
        assert connection.execute("SELECT id FROM book").fetchone() == (1,)


@pytest.mark.parametrize("is_writable", [False, True])
def test_none_is_made(tmp_path: Path, *, is_writable: bool) -> None:
    with (
        pytest.raises(sqlite3.OperationalError, match="unable to open"),
        sqlite_files.opened(tmp_path / "none", is_writable=is_writable),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
