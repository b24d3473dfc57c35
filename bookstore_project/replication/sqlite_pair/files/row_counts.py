"""Numbers of rows in a file: a table for each count, kept in step by triggers of its own.

They are derived, as text indexes are (`text_index`): neither logged nor compared between the files. A change of other
columns (a sale) isn't seen by the triggers at all. A count that is wrong makes the file no less true: it is made anew
from the rows, while the file is out of sync, or is a draft.
"""

import sqlite3

from bookstore_project.replication.row_counts import RowCount, counts_of
from bookstore_project.replication.service import Service, Table

PREFIX = "replication_count_"
FINDING = "the count "
"""What findings of this module begin with, and no others do."""


def table_of(count: RowCount) -> str:
    return f"{PREFIX}{count.name}"


def install(connection: sqlite3.Connection, service: Service) -> None:
    """Makes the counts anew, of what the rows are now; all others are removed."""
    drop(connection)
    for count, table in counts_of(service.tables):
        for statement in _statements(count, table):
            connection.execute(statement)
        _fill(connection, table_of(count), count.by, table.name)


def drop(connection: sqlite3.Connection) -> None:
    """Removes all of them, with their triggers."""
    present = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE substr(name, 1, ?) = ? ORDER BY type DESC", (len(PREFIX), PREFIX)
    ).fetchall()
    for kind, name in present:
        connection.execute(f'DROP {kind.upper()} "{name}"')


def installed(connection: sqlite3.Connection, service: Service) -> bool:
    """Whether there are the tables and triggers that this code would make."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE substr(name, 1, ?) = ?", (len(PREFIX), PREFIX))
    present = {sql for (sql,) in rows}
    return present == {sql for count, table in counts_of(service.tables) for sql in _statements(count, table)}


def mend(connection: sqlite3.Connection) -> list[str]:
    """Makes anew what isn't in step with the rows, in a file that nobody else uses; which ones those were."""
    mended = []
    for name, columns, table_name in _kept(connection):
        if _is_wrong(connection, name, columns, table_name):
            connection.execute(f'DELETE FROM "{name}"')
            _fill(connection, name, columns, table_name)
            mended.append(name)
    return mended


def findings(connection: sqlite3.Connection, service: Service) -> list[str]:
    """Which counts are wrong, in words. Reads only, in the caller's snapshot."""
    found = []
    for count, table in counts_of(service.tables):
        try:
            if _is_wrong(connection, table_of(count), count.by, table.name):
                found.append(f"{FINDING}{count.name} isn't that of the rows of {table.name}")
        except sqlite3.DatabaseError as error:
            found.append(f"{FINDING}{count.name} can't be read: {error}")
    return found


def _kept(connection: sqlite3.Connection) -> list[tuple[str, tuple[str, ...], str]]:
    """By the file's own account, which may be of other code: the count's table, its columns, whose rows they are."""
    rows = connection.execute(
        "SELECT counts.name, woken.tbl_name FROM sqlite_master counts "
        "JOIN sqlite_master woken ON woken.type = 'trigger' AND woken.name = counts.name || '_insert' "
        "WHERE counts.type = 'table' AND substr(counts.name, 1, ?) = ?",
        (len(PREFIX), PREFIX),
    ).fetchall()
    kept = []
    for name, table_name in rows:
        columns = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (name,))
        kept.append((name, tuple(column for (column,) in columns), table_name))
    return kept


def _is_wrong(connection: sqlite3.Connection, name: str, columns: tuple[str, ...], table_name: str) -> bool:
    kept, found = f'SELECT {_listed(columns)}, rows FROM "{name}"', _counting(columns, table_name)
    (is_wrong,) = connection.execute(
        f"SELECT EXISTS (SELECT * FROM ({kept}) EXCEPT {found}) OR EXISTS (SELECT * FROM ({found}) EXCEPT {kept})"
    ).fetchone()
    return bool(is_wrong)


def _fill(connection: sqlite3.Connection, name: str, columns: tuple[str, ...], table_name: str) -> None:
    connection.execute(f'INSERT INTO "{name}" {_counting(columns, table_name)}')


def _counting(columns: tuple[str, ...], table_name: str) -> str:
    return f'SELECT {_listed(columns)}, count(*) FROM "{table_name}" GROUP BY {_listed(columns)}'


def _statements(count: RowCount, table: Table) -> list[str]:
    name, columns = table_of(count), _listed(count.by)
    differs = " OR ".join(f'OLD."{column}" IS NOT NEW."{column}"' for column in count.by)
    return [
        f'CREATE TABLE "{name}" ({columns}, rows INTEGER NOT NULL, PRIMARY KEY ({columns})) WITHOUT ROWID',
        f'CREATE TRIGGER "{name}_insert" AFTER INSERT ON "{table.name}" BEGIN {_one_more(count)} END',
        f'CREATE TRIGGER "{name}_delete" AFTER DELETE ON "{table.name}" BEGIN {_one_less(count)} END',
        f'CREATE TRIGGER "{name}_update" AFTER UPDATE OF {columns} ON "{table.name}" '
        f"WHEN {differs} BEGIN {_one_less(count)} {_one_more(count)} END",
    ]


def _one_more(count: RowCount) -> str:
    # Not OR IGNORE or the like: the OR REPLACE of the statement that woke the trigger would hold in its place.
    values, columns = ", ".join(f'NEW."{column}"' for column in count.by), _listed(count.by)
    return (
        f'INSERT INTO "{table_of(count)}" VALUES ({values}, 1) ON CONFLICT ({columns}) DO UPDATE SET rows = rows + 1;'
    )


def _one_less(count: RowCount) -> str:
    name, same = table_of(count), _same(count, "OLD")
    return f'UPDATE "{name}" SET rows = rows - 1 WHERE {same}; DELETE FROM "{name}" WHERE {same} AND rows = 0;'


def _same(count: RowCount, row: str) -> str:
    return " AND ".join(f'"{column}" = {row}."{column}"' for column in count.by)


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
