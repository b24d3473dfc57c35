"""Row images: a row's values as one JSON object, the same whoever looks at it.

SQLite makes the JSON, with one expression for triggers and for reading, so that the image before a change (from
a trigger) and the image after it (from a SELECT) can be compared. Values, never expressions: an `F()` would be
evaluated once per file.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from json.scanner import make_scanner
from typing import Any

from bookstore_project.replication.service import Table

Image = dict[str, Any]
"""Column → value; a blob is {"hex": "00ff"}."""


def image_expression(table: Table, row: str = "") -> str:
    """SQL that gives a row's image; `row` is what the statement calls the table, if it calls it anything."""
    return _image_expression(table.columns, f"{row}." if row else "")


def _image_expression(columns: Iterable[str], row: str = "") -> str:
    members = (f"'{name}', {_value_expression(f'{row}{_quoted(name)}')}" for name in columns)
    return f"json_object({', '.join(members)})"


def old_image_expression(table: Table) -> str:
    """The same of a trigger's OLD row, so that SQLite parses it in half the time: every new connection has to."""
    # The plus makes it an expression, without an affinity by which the others would be converted.
    pairs = " UNION ALL ".join(f"SELECT '{name}' k, +OLD.{_quoted(name)} v" for name in table.columns)
    return f"(SELECT json_group_object(k, {_value_expression('v')}) FROM ({pairs}))"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _value_expression(value: str) -> str:
    # 17 digits give back every decimal of up to 15; a blob can't stand in JSON.
    return (
        f"CASE typeof({value}) WHEN 'real' THEN json(printf('%!.17g', {value})) "
        f"WHEN 'blob' THEN json_object('hex', hex({value})) ELSE {value} END"
    )


def read_image(connection: sqlite3.Connection, table: Table, key: Any) -> Image | None:
    """The image of a live row, None if there is none."""
    row = connection.execute(select_statement(table), (key,)).fetchone()
    return parsed(row[0]) if row else None


def select_statement(table: Table) -> str:
    """SQL that gives the image of the row with a primary key."""
    return _select_statement(table.name, table.key_column, table.columns)


@cache  # Not by the table, all of which would be looked at each time.
def _select_statement(table_name: str, key_column: str, columns: tuple[str, ...]) -> str:
    return f'SELECT {_image_expression(columns)} FROM "{table_name}" WHERE "{key_column}" = ?'


_scan: Any = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # it takes any settings


def parsed(text: str) -> Any:
    """As json.loads(), of what SQLite has made: with no spaces around it, in a third of the time."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end = -1
    return value if end == len(text) else json.loads(text)


@cache
def _insert_statement(table_name: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table_name}" ({names}) VALUES ({", ".join("?" * len(columns))})'


def update_row(connection: sqlite3.Connection, table: Table, key: Any, before: Image, after: Image) -> None:
    """Sets the columns in which the images differ; leaves the indexes of the others alone."""
    columns = tuple(name for name in after if after[name] != before[name])
    values = [value if type(value := after[name]) is not dict else to_sqlite(value) for name in columns]
    connection.execute(_update_statement(table.name, table.key_column, columns), (*values, key))


@cache
def _update_statement(table_name: str, key_column: str, columns: tuple[str, ...]) -> str:
    assignments = ", ".join(f'"{name}" = ?' for name in columns)
    return f'UPDATE "{table_name}" SET {assignments} WHERE "{key_column}" = ?'


def write_images(connection: sqlite3.Connection, table: Table, images: Sequence[Image]) -> None:
    """Inserts many rows, whose images have the same columns in the same order."""
    rows = [[value if type(value) is not dict else to_sqlite(value) for value in image.values()] for image in images]
    execute_for_each(connection, _insert_statement(table.name, tuple(images[0])), rows)


def execute_for_each(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """As executemany(), which takes twice as long for one."""
    if len(rows) == 1:
        connection.execute(statement, rows[0])
    elif rows:
        connection.executemany(statement, rows)


def delete_rows(connection: sqlite3.Connection, table: Table, keys: Iterable[Any]) -> None:
    connection.executemany(f'DELETE FROM "{table.name}" WHERE "{table.key_column}" = ?', ((key,) for key in keys))


def delete_row(connection: sqlite3.Connection, table: Table, key: Any) -> None:
    connection.execute(f'DELETE FROM "{table.name}" WHERE "{table.key_column}" = ?', (key,))


def to_sqlite(value: Any) -> Any:
    """A value of an image as SQLite keeps it."""
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def digest(image: Image | None) -> str | None:
    """A short hash of an image, whatever the order of its columns; None for no row."""
    if image is None:
        return None
    return digest_of_text(_canonical(image))


def digest_of_text(canonical: str) -> str:
    """The digest of an image whose canonical JSON this is: columns sorted, no spaces, no escapes but needed ones."""
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# Made once: json.dumps() makes an encoder at each call that differs from the usual.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
