"""What the store says to PostgreSQL, as SQLite understands it: statements of one message, and values in them."""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import errors

TIMELINE = "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
MESSAGE = "pg_logical_emit_message(true, 'bookstore', '')"
"""It makes a transaction one that is written, and confirmed, though it changes no row."""
_TEXT = "'(?:[^']|'')*'"
_ARRAY = re.compile(rf"({_TEXT})::\w+\[\]")
_ANY = re.compile(rf"= ANY\(({_TEXT})\)")
_UNNESTED = re.compile(r"SELECT \* FROM unnest\((.*)\)$", re.DOTALL)
_TRIGGERS = re.compile(rf"FROM pg_trigger WHERE .* = ANY\(({_TEXT})\)$", re.DOTALL)
NUMBERS = re.compile(
    r"SELECT nextval.*pg_get_serial_sequence\('\"(\w+)\"', '\w+'\).*generate_series\(1, (\d+)\)", re.DOTALL
)
WORDS = re.compile(r"\s*(\w*)")


def literal(value: Any) -> str:
    """A value as SQLite keeps it. Raises psycopg.DataError: no text of PostgreSQL's holds NUL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return repr(value + 0)
    if isinstance(value, bytes | memoryview):
        return f"X'{bytes(value).hex()}'"
    if isinstance(value, list | tuple):
        value = json.dumps([_plain(one) for one in value])
    text = str(_plain(value))
    if "\0" in text:
        raise errors.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return f"'{text.replace(chr(39), chr(39) * 2)}'"


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    return str(value) if isinstance(value, date | datetime) else value


def formatted(statement: str, values: Sequence[Any] | None) -> str:
    """With the values in it."""
    return statement if values is None or not len(values) else statement % tuple(map(literal, values))


def statements(message: str) -> Iterator[str]:
    """Those of one message, which semicolons part."""
    begun = ""
    for piece in message.split(";"):
        begun += piece
        if sqlite3.complete_statement(f"{begun};"):
            if begun.strip():
                yield begun.strip()
            begun = ""
        else:
            begun += ";"
    if begun.strip("; \n"):
        yield begun.strip("; \n")


def translated(statement: str, timeline: str) -> str:
    """For SQLite; what it locks, and that it is a message, is seen to elsewhere."""
    told = statement.replace(TIMELINE, f"'{timeline}'").replace(MESSAGE, "''")
    told = told.removesuffix(" FOR UPDATE").removesuffix(" FOR SHARE")
    told = _TRIGGERS.sub(r"FROM json_each(\1)", told)
    told = told.replace("SELECT FROM", "SELECT 1 FROM").replace("greatest(", "max(").replace("least(", "min(")
    told = _ANY.sub(r"IN (SELECT value FROM json_each(\1))", told)
    if found := _UNNESTED.search(told):
        arrays = _ARRAY.findall(found[1])
        columns = ", ".join(f"a{number}.value" for number in range(len(arrays)))
        tables = " JOIN ".join(
            f"json_each({array}) a{number}" + (f" ON a{number}.key = a0.key" if number else "")
            for number, array in enumerate(arrays)
        )
        told = f"{told[: found.start()]}SELECT {columns} FROM {tables} WHERE true"
    return told


def verb(statement: str) -> str:
    found = WORDS.match(statement)
    return found[1].upper() if found else ""
