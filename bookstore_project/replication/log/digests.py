"""Every live row against its digest, in one pass over table and digests, for files with a million rows.

A digest is defined by the row's image (`images.digest`). Most rows are as they should be, and for those its canonical
text can be put together from the plain values in a third of the time; a row whose text doesn't give its digest is
judged by its image.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bookstore_project.replication.log import images
from bookstore_project.replication.service import Table

_quote = json.JSONEncoder(ensure_ascii=False).encode
_TEXT: dict[type, Callable[[Any], str]] = {
    int: int.__repr__,
    str: _quote,
    float: float.__repr__,
    bytes: lambda value: f'{{"hex":"{value.hex().upper()}"}}',
    type(None): lambda value: "null",
}
"""The JSON text of a value, by what Python makes of SQLite's storage classes."""


def compare_rows(connection: sqlite3.Connection, table: Table) -> Iterator[tuple[str, bool | None]]:
    """Of all live rows: the key, as JSON, and whether the row is what its digest says; None if it has no digest."""
    columns = sorted(table.columns)
    starts = [("," if number else "{") + _quote(name) + ":" for number, name in enumerate(columns)]
    # The plus makes it an expression, which has no declared type: nothing converts it on its way to Python.
    values = ", ".join(f'+live."{name}"' for name in columns)
    rows = connection.execute(
        f'SELECT {_key_of(table)}, kept.digest, {values} FROM "{table.name}" live '
        f'LEFT JOIN replication_rowdigest kept ON kept."table" = ? AND kept."key" = {_key_of(table)}',
        (table.name,),
    )
    for key, digest, *row in rows:
        if digest is None:
            yield key, None
        else:
            yield key, _digest_of(starts, row) == digest or _image_digest(connection, table, key) == digest


def write_digests(connection: sqlite3.Connection, table: Table) -> None:
    """Writes a digest for every live row of a table that has none yet."""
    rows = connection.execute(
        f'SELECT {_key_of(table)}, {images.image_expression(table, "live")} FROM "{table.name}" live'
    )
    connection.executemany(
        'INSERT INTO replication_rowdigest ("table", "key", digest) VALUES (?, ?, ?)',
        ((table.name, key, images.digest(json.loads(image))) for key, image in rows),
    )


def digests_without_row(connection: sqlite3.Connection, table: Table) -> Iterator[str]:
    """The keys, as JSON, of digests whose row is gone."""
    rows = connection.execute(
        'SELECT "key" FROM replication_rowdigest WHERE "table" = ? '
        f'EXCEPT SELECT {_key_of(table)} FROM "{table.name}" live',
        (table.name,),
    )
    return (key for (key,) in rows)


def _key_of(table: Table) -> str:
    return f'json_quote(live."{table.key_column}")'


def _digest_of(starts: Sequence[str], row: Sequence[Any]) -> str:
    text = "".join([start + _TEXT[type(value)](value) for start, value in zip(starts, row, strict=True)])
    return images.digest_of_text(text + "}")


def _image_digest(connection: sqlite3.Connection, table: Table, key: str) -> str | None:
    return images.digest(images.read_image(connection, table, json.loads(key)))
