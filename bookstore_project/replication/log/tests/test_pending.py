"""What a change has written, by the triggers' account, asked once or several times."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore_project.replication.log import entries
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.support.replica_files import opened

pytestmark = pytest.mark.two_files

Told = dict[object, tuple[object, object]]


@pytest.fixture
def file(seven_articles: Path) -> Iterator[sqlite3.Connection]:
    with opened("shelf-1") as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def quantities(changes: list[entries.RowChange]) -> Told:
    """By key, before and after."""
    return {
        change.key: (change.before and change.before["quantity"], change.after and change.after["quantity"])
        for change in changes
    }


def put(connection: sqlite3.Connection, quantity: int, *keys: int) -> None:
    for key in keys:
        connection.execute("UPDATE shelf_article SET quantity = ? WHERE id = ?", (quantity, key))


def test_each_row_is_told_once_as_it_was_at_first_and_is_at_last(file: sqlite3.Connection) -> None:
    pending = entries.Pending(file, get_service("shelf"))
    put(file, 1, 3, 2)
    put(file, 2, 3)
    assert quantities(pending.read()) == {3: (50, 2), 2: (50, 1)}
    put(file, 3, 2, 4)
    file.execute("DELETE FROM shelf_article WHERE id = 3")
    told = pending.read()
    assert [change.key for change in told] == [3, 2, 4]
    assert quantities(told) == {3: (50, None), 2: (50, 3), 4: (50, 3)}


def test_a_row_that_comes_and_goes_between_two_looks_is_told_as_gone(file: sqlite3.Connection) -> None:
    pending = entries.Pending(file, get_service("shelf"))
    columns = "id, title, kind, title_key, kind_key, price, quantity, version"
    file.execute(f"INSERT INTO shelf_article ({columns}) VALUES (99, 't', 'k', 't', 'k', 1, 5, 1)")
    assert quantities(pending.read()) == {99: (None, 5)}
    file.execute("DELETE FROM shelf_article WHERE id = 99")
    assert quantities(pending.read()) == {99: (None, None)}


def test_what_nobody_wrote_since_is_not_looked_at_again(file: sqlite3.Connection) -> None:
    pending = entries.Pending(file, get_service("shelf"))
    put(file, 1, 3)
    (change,) = pending.read()
    put(file, 1, 4)
    assert pending.read()[0] is change
