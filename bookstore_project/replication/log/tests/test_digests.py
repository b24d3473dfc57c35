"""Rows are judged as their images are, whatever their values; the quick way is taken for those that are sound."""

import json
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bookstore_project.replication.log import digests, images
from bookstore_project.replication.service import Table
from bookstore_project.replication.tests.shelf.models import Article

TABLE = Table("t", "id", ("id", "value", "another"), Article)
VALUES: list[Any] = [
    None,
    0,
    -7,
    2**63 - 1,
    9.9,
    0.1 + 0.2,
    1e-7,
    1.5e300,
    -2.5,
    "",
    "plain",
    'quotes " and \\ and / and \x7f',
    "control \x01 \x1f \b \f \n \r \t",
    "كتاب 書 \U0001f4d5 é",
    b"",
    b"\x00\xff",
    "3.0",
]


@pytest.fixture
def table() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES)
    connection.execute("CREATE TABLE t (id, value, another)")
    connection.execute('CREATE TABLE replication_rowdigest ("table", "key", digest, PRIMARY KEY ("table", "key"))')
    yield connection
    connection.close()


def put(connection: sqlite3.Connection, key: Any, value: Any) -> None:
    connection.execute("INSERT INTO t VALUES (?, ?, ?)", (key, value, value))
    digest = images.digest(images.read_image(connection, TABLE, key))
    (text,) = connection.execute("SELECT json_quote(?)", (key,)).fetchone()
    connection.execute("INSERT INTO replication_rowdigest VALUES ('t', ?, ?)", (text, digest))


@pytest.mark.parametrize("key", [1, "a", 'q"é'])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_sound_row_is_known_by_its_values(
    table: sqlite3.Connection, key: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(table, key, value)
    monkeypatch.setattr(digests, "_image_digest", None)
    assert [(json.loads(text), verdict) for text, verdict in digests.compare_rows(table, TABLE)] == [(key, True)]


def test_a_row_whose_text_ends_early_in_json_is_judged_by_its_image(table: sqlite3.Connection) -> None:
    """SQLite's JSON of a text with a NUL is a matter of its version; the image decides."""
    put(table, 1, "a\0b")
    assert [verdict for _, verdict in digests.compare_rows(table, TABLE)] == [True]


def flipped(value: float) -> float:
    """Its last bit is another."""
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    (changed,) = struct.unpack("<d", struct.pack("<q", bits ^ 1))
    return float(changed)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (9.9, flipped(9.9)),
        (1, 2),
        (1, "1"),
        ("1", 1),
        (1.5, "1.5"),
        ("00", b"\x00"),
        (None, "null"),
        (None, 0),
        ("a", "A"),
    ],
    ids=repr,
)
def test_another_value_of_whatever_type_is_found(table: sqlite3.Connection, before: Any, after: Any) -> None:
    put(table, 1, before)
    table.execute("UPDATE t SET another = ?", (after,))
    assert [verdict for _, verdict in digests.compare_rows(table, TABLE)] == [False]


def test_rows_without_digest_and_digests_without_row_are_told_apart(table: sqlite3.Connection) -> None:
    for key in (1, 2, 3):
        put(table, key, "x")
    table.execute("DELETE FROM t WHERE id = 2")
    table.execute("DELETE FROM replication_rowdigest WHERE \"key\" = '3'")
    assert list(digests.compare_rows(table, TABLE)) == [("1", True), ("3", None)]
    assert list(digests.digests_without_row(table, TABLE)) == ["2"]


def test_columns_of_declared_types_reach_the_judge_unconverted(table: sqlite3.Connection) -> None:
    """Connections of the ORM turn declared booleans and dates into Python's own."""
    table.execute("CREATE TABLE u (id integer PRIMARY KEY, value bool, another datetime)")
    table.execute("INSERT INTO u VALUES (1, 1, '2026-01-02 03:04:05')")
    declared = replace(TABLE, name="u")
    digest = images.digest(images.read_image(table, declared, 1))
    table.execute("INSERT INTO replication_rowdigest VALUES ('u', '1', ?)", (digest,))
    assert list(digests.compare_rows(table, declared)) == [("1", True)]
