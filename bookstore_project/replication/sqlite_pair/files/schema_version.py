"""Which code a file is made for, as one number: processes of other code neither read nor write it.

The number covers every column of the replicated tables and of replication's own, and the format of what replication
writes. `migrate` writes it into the file's header (https://sqlite.org/pragma.html#pragma_user_version), from where
each transaction reads it along with the rest; a copy of the file carries it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.apps import apps
from django.apps.registry import Apps
from django.db import connections

from bookstore_project import files, sqlite_files
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.row_counts import counts_of
from bookstore_project.replication.service import REPLICATION_APP, get_service, replicated_models, tables_of
from bookstore_project.replication.text_indexes import indexes_of

FORMAT = 1
"""Of log entries, images, digests and triggers: one more when other code would read them wrongly."""


class OtherCode(Unavailable):
    """The file was made for other code than this process runs. That is no fault of the file."""


def of_models(registry: Apps, app_labels: Iterable[str], alias: str) -> int:
    """The schema version of these apps' models, as they stand in the registry: positive, 31 bits."""
    connection = connections[alias]
    columns = sorted(
        [model._meta.db_table, str(field.column), str(field.db_type(connection)), field.null, field.primary_key]
        for model in replicated_models(registry, app_labels)
        for field in model._meta.local_concrete_fields
    )
    made_for: list[object] = [FORMAT, columns]
    if indexes := _text_indexes(registry, app_labels):
        made_for.append(indexes)
    if counts := _row_counts(registry, app_labels):
        made_for.append(counts)
    text = json.dumps(made_for)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1 | 1


def _row_counts(registry: Apps, app_labels: Iterable[str]) -> list[list[object]]:
    labels = [label for label in app_labels if label != REPLICATION_APP]
    return sorted([count.name, table.name, *count.by] for count, table in counts_of(tables_of(registry, labels)))


def _text_indexes(registry: Apps, app_labels: Iterable[str]) -> list[list[object]]:
    labels = [label for label in app_labels if label != REPLICATION_APP]
    return sorted(
        [index.name, table.name, *index.columns, index.finds]
        for index, table in indexes_of(tables_of(registry, labels))
    )


def of_file(connection: sqlite3.Connection) -> int:
    """What `migrate` wrote into the file; 0 if it never did."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


@cache
def of_code(service_name: str) -> int:
    """The schema version that this process's code has for a service."""
    service = get_service(service_name)
    return of_models(apps, labels_of(service.app_labels), service.aliases[0])


def labels_of(app_labels: Iterable[str]) -> tuple[str, ...]:
    """The apps whose tables stand in a service's files."""
    return (REPLICATION_APP, *app_labels)


def assert_own(alias: str, found: int, others: Iterable[str]) -> None:
    """Raises OtherCode unless the file's schema version is this code's; ReplicaFault if that of one of the others is.

    Files that are in sync were migrated together: one that says something else was told so by somebody else.
    """
    ours = of_code(replication_settings.service_of_alias[alias])
    if found != ours and any(_of_path(replication_settings.files[other]) == ours for other in others):
        raise ReplicaFault("its user_version isn't what migrate wrote into it: somebody else did")
    assert_of_this_code(alias, found)


def _of_path(path: Path) -> int | None:
    try:
        files.assert_plain(path)
        with sqlite_files.opened(path, timeout_s=1) as connection:
            return of_file(connection)
    except (sqlite3.Error, OSError):
        return None


def assert_of_this_code(alias: str, found: int) -> None:
    """Raises OtherCode unless the file's schema version is this code's."""
    if found != of_code(replication_settings.service_of_alias[alias]):
        raise OtherCode(
            f"This process runs other code than {alias} was migrated for; nothing was read or changed. Restart the "
            "process if the store was migrated under it; otherwise run `manage.py migrate`."
        )
