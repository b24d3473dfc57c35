"""Looking numbers of rows up in a file: see `files.row_counts`."""

from collections.abc import Mapping
from typing import Any

from django.db import connections

from bookstore_project.replication.row_counts import Counted, RowCount
from bookstore_project.replication.sqlite_pair.files.row_counts import table_of


def counted(count: RowCount, given: Mapping[str, Any], using: str) -> list[Counted]:
    """Of the rows that have these values in some of its columns, how many have which in all of them."""
    columns = ", ".join(f'"{column}"' for column in count.by)
    where = " AND ".join(f'"{column}" = %s' for column in given) or "1"
    with connections[using].cursor() as cursor:
        cursor.execute(f'SELECT {columns}, rows FROM "{table_of(count)}" WHERE {where}', tuple(given.values()))
        return [Counted(tuple(values), rows) for *values, rows in cursor.fetchall()]
