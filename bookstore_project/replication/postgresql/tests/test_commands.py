"""What an operator is told of a server, and whose tools are named for the rest."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from bookstore_project.replication.engine import copies
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import databases, engine
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper
from bookstore_project.replication.postgresql.backend.client import DatabaseClient
from bookstore_project.replication.postgresql.primary import first_answer
from bookstore_project.replication.postgresql.status import status
from bookstore_project.replication.postgresql.tests.database_rows import floor, rows
from bookstore_project.replication.postgresql.tests.support import SHELF
from tests.postgres import server_of_tests, synchronous
from tests.waiting import wait_for


def said(*arguments: str) -> str:
    output = StringIO()
    call_command("replication", *arguments, stdout=output)
    return output.getvalue()


def test_status_tells_positions_and_that_nobody_confirms(seven_articles: Path) -> None:
    told = said("status", "--service", "shelf")
    assert f"shelf: settled up to {floor('shelf')}, timeline {engine.standing(SHELF).timeline}" in told
    assert "no standby is waited for" in told


def test_status_tells_of_a_standby_and_how_far_it_is(seven_articles: Path) -> None:
    with synchronous():
        (found,) = json.loads(said("status", "--json", "--service", "shelf"))
        assert found["problem"] == ""
        (standby,) = found["standbys"]
        assert (standby["state"], standby["sync"]) == ("streaming", "sync")
        assert "walreceiver at its own host: streaming, sync" in said("status")


def test_the_cluster_page_tells_hosts_roles_lag_quorum_and_timeline(seven_articles: Path) -> None:
    with synchronous():
        pass  # From now on there is a standby, which commits needn't wait for.
    place, timeline = connections["shelf-1"].settings_dict["HOST"], engine.standing(SHELF).timeline
    log = f"The log's timeline is {timeline}, under the server's 00000001, up to position {floor('shelf')}: "
    alone, of_log, standby = engine.servers(SHELF)
    assert (
        alone
        == f"{place} is the primary; a commit counts once it is on that disk alone, since commits wait for no standby"
    )
    assert of_log == f"{log}another one begins with each promotion"
    assert standby.startswith("Standby walreceiver at its own host: streaming, async, ")
    with synchronous():
        two, _, standby = engine.servers(SHELF)
        waits = "commits wait for walreceiver: one counts once a standby has it, too, and 1 can"
        assert two == f"{place} is the primary; {waits}"
        assert standby.startswith("Standby walreceiver at its own host: streaming, sync, ")


def test_status_fails_while_nobody_confirms_what_has_to_be(seven_articles: Path) -> None:
    server = server_of_tests()
    server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    try:
        wait_for(lambda: "No standby confirms" in status(SHELF).problem, what="the session knows it")
        with pytest.raises(CommandError, match="Not as it should be: shelf"):
            said("status", "--service", "shelf")
    finally:
        server.execute("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


def test_whatever_is_lost_after_the_answer_changes_nothing_of_it(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(database: DatabaseWrapper, ask: Callable[[], Any]) -> Any:
        found = first_answer(database, ask)
        database.connection.close()
        return found

    monkeypatch.setattr("bookstore_project.replication.postgresql.status.first_answer", answer)
    assert status(SHELF).primary == str(server_of_tests().folder)


def test_status_fails_when_the_server_cannot_be_asked(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for alias in SHELF.aliases:
        monkeypatch.setitem(connections.databases[alias], "PORT", "1")
        connections[alias].close()
    with pytest.raises(CommandError, match="shelf"):
        said("status", "--service", "shelf")
    assert engine.has_history(SHELF), "what can't be read was written"


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        (("repair",), "pg_rewind"),
        (("scrub", "--service", "shelf"), "pg_amcheck"),
        (("promote", "shelf-1", "--yes"), "patronictl failover"),
        (("adopt", "--service", "shelf"), "one history"),
        (("discard", "shelf-2"), "pg_basebackup"),
        (("quarantine",), "No file"),
    ],
)
def test_what_is_the_server_s_business_is_refused_and_its_tool_named(command: tuple[str, ...], tool: str) -> None:
    with pytest.raises(CommandError, match=tool):
        said(*command)


def test_there_are_no_files_to_move() -> None:
    assert copies.files() == {}
    with pytest.raises(Unavailable, match="`backup` here"):
        copies.assert_can_move()
    with pytest.raises(Unavailable, match="no files"):
        copies.connection("catalog-1")


def test_migrate_makes_what_is_missing_on_the_server(empty_store: Path) -> None:
    connections.close_all()
    server_of_tests().execute('DROP DATABASE "shelf" WITH (FORCE)', 'DROP DATABASE "accounts" WITH (FORCE)')
    assert not databases.exists("shelf-1")
    assert not engine.has_history(SHELF)
    call_command("migrate", database="default", verbosity=0)
    call_command("migrate", database="shelf-1", verbosity=0)
    assert databases.exists("shelf-1")
    assert rows("shelf-1", "SELECT position FROM replication_head") == [(0,)]
    assert not engine.has_history(SHELF)


def test_a_shell_is_for_reading_unless_it_is_said() -> None:
    settings = connections["shelf-1"].settings_dict
    arguments, environment = DatabaseClient.settings_to_cmd_args_env(settings, ["-readonly", "-A"])
    assert "-readonly" not in arguments
    assert "-A" in arguments
    assert environment == {"PGOPTIONS": "-c default_transaction_read_only=on"}
    assert DatabaseClient.settings_to_cmd_args_env(settings, [])[1] == {
        "PGOPTIONS": "-c default_transaction_read_only=off"
    }


def test_hosts_prepare_one_after_the_other(seven_articles: Path) -> None:
    """The second one finds what the first has made; both at once would make the same tables and accounts."""
    done: list[str] = []

    def second() -> None:
        with closing_connections(), databases.preparing():
            done.append("second")

    with ThreadPoolExecutor(1) as other:
        with databases.preparing():
            waiting = other.submit(second)
            wait_for(is_somebody_waiting, what="the other host waits")
            done.append("first")
        waiting.result()
    assert done == ["first", "second"]


@contextmanager
def closing_connections() -> Iterator[None]:
    try:
        yield
    finally:
        connections.close_all()


def is_somebody_waiting() -> bool:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with connections["shelf-1"].cursor() as cursor:
        return bool(cursor.execute(waiting).fetchone() != (0,))


def test_a_store_whose_server_is_gone_is_not_prepared(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.databases[DEFAULT_DB_ALIAS], "PORT", "1")
    connections[DEFAULT_DB_ALIAS].close()
    with pytest.raises(Unavailable, match="PostgreSQL"), databases.preparing():
        pytest.fail("nobody vouches for it")
