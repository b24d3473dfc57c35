"""Before databases are renamed their sessions are ended."""

from pathlib import Path

from django.db import DEFAULT_DB_ALIAS

from bookstore_project.replication.postgresql import databases, replacement
from tests.postgres import server_of_tests

SHOWN = (
    "SET default_transaction_read_only = off",
    "CREATE TEMP TABLE pg_stat_activity (pid int, datname name, backend_type text)",
    "SET search_path = pg_temp, pg_catalog",
)
"""In place of what the server shows of its sessions."""


def test_what_the_server_ends_by_itself_is_left_to_it(seven_articles: Path) -> None:
    """Only a superuser may end an autovacuum worker, which comes just when much was loaded; RENAME does it."""
    with server_of_tests().connect() as of_superuser, databases.server_of(DEFAULT_DB_ALIAS) as server:
        for statement in SHOWN:
            server.execute(statement.encode())
        shown = (of_superuser.info.backend_pid, "gone", "autovacuum worker")
        server.execute("INSERT INTO pg_stat_activity VALUES (%s, %s, %s)", shown)
        replacement._close_to_others(server, ["gone"])
