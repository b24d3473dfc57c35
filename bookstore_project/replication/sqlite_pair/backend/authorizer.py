"""What SQL may do on a replica's connections while code runs that isn't replication's own.

SQLite asks an authorizer about each thing that a statement would do, when it compiles it: whatever the statement
looks like, and whatever way it came (a cursor, `executescript`, the connection below Django's). What was compiled
before, for the protocol, isn't asked about again: its own statements are for it alone.
Source: https://sqlite.org/c3ref/set_authorizer.html, https://sqlite.org/c3ref/c_alter_table.html
"""

import sqlite3
from collections.abc import Callable
from functools import cache, cached_property

from django.apps import apps

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.sqlite_pair.files import text_index

NOT_REPLICATED = (
    "{what} can't be replicated: the schema is changed by migrations, and transactions are replication's own."
)
NOT_OURS = (
    "{what} is refused: what a replica's connections are set to, and which files they open, is replication's own."
)
OWN_TABLE = (
    "{what} is refused: one file alone would change. Replication carries the tables of the apps, and no others."
)
SHADOW = "CREATE TEMP of {what} is refused: it would stand before the replica's own, on this connection alone."

_SCHEMA = {
    sqlite3.SQLITE_CREATE_TABLE: "CREATE",
    sqlite3.SQLITE_CREATE_INDEX: "CREATE",
    sqlite3.SQLITE_CREATE_TRIGGER: "CREATE",
    sqlite3.SQLITE_CREATE_VIEW: "CREATE",
    sqlite3.SQLITE_CREATE_VTABLE: "CREATE",
    sqlite3.SQLITE_CREATE_TEMP_TRIGGER: "CREATE TEMP TRIGGER",
    sqlite3.SQLITE_DROP_TABLE: "DROP",
    sqlite3.SQLITE_DROP_INDEX: "DROP",
    sqlite3.SQLITE_DROP_TRIGGER: "DROP",
    sqlite3.SQLITE_DROP_VIEW: "DROP",
    sqlite3.SQLITE_DROP_VTABLE: "DROP",
    sqlite3.SQLITE_ALTER_TABLE: "ALTER",
    sqlite3.SQLITE_REINDEX: "REINDEX",
    sqlite3.SQLITE_ANALYZE: "ANALYZE",
}
_SHADOWS = (sqlite3.SQLITE_CREATE_TEMP_TABLE, sqlite3.SQLITE_CREATE_TEMP_VIEW)
_ROWS = {
    sqlite3.SQLITE_INSERT: "INSERT INTO",
    sqlite3.SQLITE_UPDATE: "UPDATE",
    sqlite3.SQLITE_DELETE: "DELETE FROM",
}
_FILES = {sqlite3.SQLITE_ATTACH: "ATTACH or VACUUM", sqlite3.SQLITE_DETACH: "DETACH"}

_ASKING = frozenset(
    (
        *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"),
        *("foreign_key_list", "foreign_key_check", "integrity_check", "quick_check"),
    )
)
"""PRAGMAs whose argument says what is asked about."""
_PASSING = frozenset(("foreign_keys", "defer_foreign_keys"))
"""PRAGMAs that Django sets: for the transaction at hand, or without effect inside of one."""
_ACTING = frozenset(("wal_checkpoint", "optimize", "incremental_vacuum"))
"""PRAGMAs that do something without an argument."""


class Authorizer:
    """One connection's authorizer."""

    def __init__(self, *, is_writer: bool, is_restricted: Callable[[], bool]) -> None:
        """`is_restricted`: whether the code that runs in a transaction now is somebody else's, not the protocol's."""
        self._is_writer = is_writer
        self.is_restricted = is_restricted
        self.reason = ""
        """Why the last thing that was refused was."""
        self.tables: frozenset[str] | None = None
        """The file's tables, in lower case, once they are known; the others are views, or its own code's."""

    def __call__(
        self, action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
    ) -> int:
        """SQLITE_OK or SQLITE_DENY, by which the statement isn't compiled."""
        if self._is_writer:
            if not self.is_restricted():
                return sqlite3.SQLITE_OK
            refusal = self._of_writer(action, first or "", second, database, trigger)
        else:
            # Its writes fail by themselves: PRAGMA query_only.
            refusal = _of_settings(action, first or "", second)
            if not refusal and action == sqlite3.SQLITE_TRANSACTION and self.is_restricted():
                refusal = NOT_REPLICATED.format(what=first)
        if not refusal:
            return sqlite3.SQLITE_OK
        self.reason = refusal
        return sqlite3.SQLITE_DENY

    def _of_writer(
        self, action: int, first: str, second: str | None, database: str | None, trigger: str | None
    ) -> str:
        if action in _ROWS:
            is_alone = not trigger and database != "temp" and first.lower() in self._unreplicated
            return OWN_TABLE.format(what=f"{_ROWS[action]} {first}") if is_alone else ""
        if action in _SCHEMA:
            return NOT_REPLICATED.format(what=_SCHEMA[action])
        if action == sqlite3.SQLITE_TRANSACTION:
            return NOT_REPLICATED.format(what=first)
        if action in _SHADOWS:
            return SHADOW.format(what=first) if first.lower() in (self.tables or ()) else ""
        return _of_settings(action, first, second)

    @cached_property
    def _unreplicated(self) -> frozenset[str]:
        others = (self.tables or frozenset()) - replicated_tables()
        # FTS5 writes these in statements of its own. SQLite can forbid them to others (SQLITE_DBCONFIG_DEFENSIVE),
        # which Python knows from 3.12 on; what somebody does to them by hand is found by a scrub.
        return frozenset(name for name in others if not text_index.is_shadow(name))


def _of_settings(action: int, first: str, second: str | None) -> str:
    if action in _FILES:
        return NOT_OURS.format(what=_FILES[action])
    if action != sqlite3.SQLITE_PRAGMA:
        return ""
    name = first.lower()
    is_harmless = name not in _ACTING if second is None else name in _ASKING | _PASSING
    return "" if is_harmless else NOT_OURS.format(what=f"PRAGMA {name}")


@cache
def replicated_tables() -> frozenset[str]:
    """Tables with triggers, in lower case."""
    labels = replication_settings.service_of_app
    return frozenset(
        model._meta.db_table.lower()
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in labels and model._meta.managed and not model._meta.proxy
    )
