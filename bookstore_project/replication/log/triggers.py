"""Triggers that note every change, so that update(), bulk_create, cascades and raw SQL can't slip by."""

import sqlite3

from bookstore_project.replication.log.images import old_image_expression
from bookstore_project.replication.service import Service, Table

PREFIX = "replication_note_"
_NOTE = 'INSERT INTO replication_pendingchange ("table", "key", "before")'


def install(connection: sqlite3.Connection, service: Service) -> None:
    """Makes the triggers anew: migrations may have dropped them with the table, or changed its columns."""
    drop(connection)
    for table in service.tables.values():
        for statement in trigger_statements(table):
            connection.execute(statement)


def drop(connection: sqlite3.Connection) -> None:
    """Removes all of them."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?", (f"{PREFIX}%",)
    ).fetchall()
    for (name,) in names:
        connection.execute(f'DROP TRIGGER "{name}"')


def trigger_statements(table: Table) -> list[str]:
    """CREATE TRIGGER statements: inserts, deletes, and updates (also of the primary key) of one table."""
    name, key = table.name, f'"{table.key_column}"'
    before = old_image_expression(table)

    def note(row: str, image: str) -> str:
        return f"{_NOTE} VALUES ('{name}', json_quote({row}.{key}), {image});"

    moved = f"{_NOTE} SELECT '{name}', json_quote(NEW.{key}), NULL WHERE NEW.{key} IS NOT OLD.{key};"
    return [
        f'CREATE TRIGGER "{PREFIX}{name}_insert" AFTER INSERT ON "{name}" BEGIN {note("NEW", "NULL")} END',
        f'CREATE TRIGGER "{PREFIX}{name}_delete" AFTER DELETE ON "{name}" BEGIN {note("OLD", before)} END',
        f'CREATE TRIGGER "{PREFIX}{name}_update" AFTER UPDATE ON "{name}" BEGIN {note("OLD", before)} {moved} END',
    ]


def installed(connection: sqlite3.Connection, service: Service) -> bool:
    """Whether every table has the triggers that this code would make."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?", (f"{PREFIX}%",))
    present = {sql for (sql,) in rows}
    return present == {sql for table in service.tables.values() for sql in trigger_statements(table)}
