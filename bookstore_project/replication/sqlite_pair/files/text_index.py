"""Text indexes in a file: FTS5 tables that read the indexed table, kept in step by triggers of their own.

They are derived: neither logged nor compared. A change of other columns (a sale) isn't seen by the triggers at all.
An index that is out of step makes the file no less true: it is made anew from the rows, while the file is out of
sync, or is a draft. Source: https://sqlite.org/fts5.html#external_content_tables
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from bookstore_project.replication.service import Service, Table
from bookstore_project.replication.text_indexes import TextIndex, indexes_of

PREFIX = "replication_text_"
FINDING = "the text index "
"""What findings of this module begin with, and no others do."""
SHADOWS = ("data", "idx", "docsize", "config")
"""The tables in which FTS5 keeps an index over another table."""
_SHADOW = re.compile(f"{PREFIX}.+_(?:{'|'.join(SHADOWS)})")
_KINDS = {
    # What the key's maker took for a part of a word is one: nothing but spaces stands between words.
    "words": (
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'\", prefix='1 2 3', detail=column"
    ),
    "parts": "tokenize='trigram case_sensitive 1', detail=none",
}


def table_of(index: TextIndex) -> str:
    return f"{PREFIX}{index.name}"


def vocabulary_of(index: TextIndex) -> str:
    return f"{PREFIX}{index.name}_vocabulary"


def is_shadow(table_name: str) -> bool:
    """Whether FTS5 itself writes a table, in statements of its own."""
    return _SHADOW.fullmatch(table_name) is not None


def install(connection: sqlite3.Connection, service: Service) -> None:
    """Makes the indexes anew, of what the rows are now; all others are removed."""
    drop(connection)
    for index, table in indexes_of(service.tables):
        for statement in _statements(index, table):
            connection.execute(statement)
        _command(connection, table_of(index), "rebuild")


def drop(connection: sqlite3.Connection) -> None:
    """Removes all of them, with their triggers."""
    for kind, name in _present(connection, "type, name"):
        if kind == "trigger" or not is_shadow(name):
            connection.execute(f'DROP {kind.upper()} IF EXISTS "{name}"')


def installed(connection: sqlite3.Connection, service: Service) -> bool:
    """Whether there are the tables and triggers that this code would make."""
    present = {sql for name, sql in _present(connection, "name, sql") if not is_shadow(name)}
    return present == {sql for index, table in indexes_of(service.tables) for sql in _statements(index, table)}


def mend(connection: sqlite3.Connection) -> list[str]:
    """Makes anew what isn't in step with the rows, in a file that nobody else uses; which ones those were."""
    mended = []
    for name in _indexes(connection):
        try:
            _command(connection, name, "integrity-check")
        except sqlite3.DatabaseError:
            _command(connection, name, "rebuild")
            mended.append(name)
    return mended


def findings(connection: sqlite3.Connection, service: Service) -> list[str]:
    """Which indexes aren't in step with the rows, in words. Reads only, in the caller's snapshot.

    SQLite's own check is a write to the index. So it is made of a copy of the index and of the columns, aside.
    """
    found = []
    for index, table in indexes_of(service.tables):
        try:
            with closing(sqlite3.connect("", isolation_level=None)) as aside:
                _copy_aside(connection, aside, index, table)
                _command(aside, table_of(index), "integrity-check")
        except sqlite3.DatabaseError as error:
            found.append(f"{FINDING}{index.name} isn't in step with {table.name}: {error}")
    return found


def _copy_aside(connection: sqlite3.Connection, aside: sqlite3.Connection, index: TextIndex, table: Table) -> None:
    columns, name = _listed(index.columns), table_of(index)
    aside.execute(f'CREATE TABLE "{table.name}" ("{table.key_column}" INTEGER PRIMARY KEY, {columns})')
    aside.execute(_create_statement(index, table))
    shadows = [(f'"{name}_{each}"', "*") for each in SHADOWS]
    aside.execute("BEGIN")
    for place, what in [(f'"{table.name}"', f'"{table.key_column}", {columns}'), *shadows]:
        rows = connection.execute(f"SELECT {what} FROM {place}")
        marks = ", ".join("?" * len(rows.description))
        aside.execute(f"DELETE FROM {place}")
        aside.executemany(f"INSERT INTO {place} VALUES ({marks})", rows)
    aside.execute("COMMIT")


def _command(connection: sqlite3.Connection, name: str, command: str) -> None:
    # Rank 1: the check compares the index with the rows, too.
    connection.execute(f'INSERT INTO "{name}" ("{name}", rank) VALUES (?, 1)', (command,))


def _indexes(connection: sqlite3.Connection) -> list[str]:
    """By the file's own account."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE substr(name, 1, ?) = ? AND sql LIKE '% USING fts5(%' ORDER BY name",
        (len(PREFIX), PREFIX),
    )
    return [name for (name,) in rows]


def _present(connection: sqlite3.Connection, columns: str) -> Iterator[tuple[str, str]]:
    """Triggers first, then what shows an index, then the index."""
    yield from connection.execute(
        f"SELECT {columns} FROM sqlite_master WHERE substr(name, 1, ?) = ? AND sql IS NOT NULL "
        "ORDER BY type DESC, length(name) DESC",
        (len(PREFIX), PREFIX),
    ).fetchall()


def _statements(index: TextIndex, table: Table) -> list[str]:
    made = [_create_statement(index, table), *_trigger_statements(index, table)]
    if index.finds == "words":
        made.append(f"CREATE VIRTUAL TABLE \"{vocabulary_of(index)}\" USING fts5vocab('{table_of(index)}', 'row')")
    return made


def _create_statement(index: TextIndex, table: Table) -> str:
    return (
        f'CREATE VIRTUAL TABLE "{table_of(index)}" USING fts5({_listed(index.columns)}, '
        f"content='{table.name}', content_rowid='{table.key_column}', {_KINDS[index.finds]})"
    )


def _trigger_statements(index: TextIndex, table: Table) -> list[str]:
    name, key = table_of(index), f'"{table.key_column}"'
    columns, watched = _listed(index.columns), [key, *(f'"{column}"' for column in index.columns)]
    values = {row: ", ".join(f"{row}.{column}" for column in watched) for row in ("OLD", "NEW")}
    added = f'INSERT INTO "{name}" (rowid, {columns}) VALUES ({values["NEW"]});'
    removed = f'INSERT INTO "{name}" ("{name}", rowid, {columns}) VALUES (\'delete\', {values["OLD"]});'
    differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in watched)
    return [
        f'CREATE TRIGGER "{name}_insert" AFTER INSERT ON "{table.name}" BEGIN {added} END',
        f'CREATE TRIGGER "{name}_delete" AFTER DELETE ON "{table.name}" BEGIN {removed} END',
        f'CREATE TRIGGER "{name}_update" AFTER UPDATE OF {", ".join(watched)} ON "{table.name}" '
        f"WHEN {differs} BEGIN {removed} {added} END",
    ]


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
