"""A store moves to a server: with all rows, whatever happens on the way, and while it sells."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project.archive import moving
from bookstore_project.archive.tests.shop import buy, command, orders, sell
from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service, replicated_models
from bookstore_project.replication.transfer import comparing, migrating
from bookstore_project.replication.transfer.places import FilePlace, ServerPlace
from bookstore_project.settings import secret_files, topology
from bookstore_project.sqlite_files import opened
from catalog_app.services import book_restock
from order_app.models import Order
from tests import programs
from tests.actors import Actor
from tests.on_postgresql import BINARIES, PACKAGE, program
from tests.postgres import Server

pytestmark = [pytest.mark.two_files, pytest.mark.processes]
POINTS = [
    *(f"move-claimed-{name}" for name in ("catalog", "order", "accounts")),
    "move-migrated",
    *(f"move-{step}-{name}" for step in ("copied", "compared") for name in topology.SERVICES),
    "move-held",
    "move-followed",
    "move-carried",
    *(f"handed-over-{name}" for name in topology.SERVICES),
    *(f"move-opened-{name}" for name in ("order", "accounts", "catalog")),
]
NAMES = (*topology.SERVICES, "accounts")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if program("postgres") is None:
        programs.require(f"{BINARIES}/postgres", PACKAGE)
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        made = Server(Path(folder, "server")).create()
        # As `migrate` leaves them, so that not each test has to wait for it.
        with tempfile.TemporaryDirectory() as data:
            migrating.migrate(Path(data), made.url)
        for name in NAMES:
            made.execute(f'ALTER DATABASE "{name}" RENAME TO "empty {name}"')
        yield made
        made.stop()


@pytest.fixture
def target(server: Server, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server without a store, and a store beside it."""
    monkeypatch.setattr(migrating, "migrate", lambda data, url: put_tables(server))
    yield server
    for name in databases(server):
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def databases(server: Server) -> list[str]:
    """Those that aren't the server's own, nor kept for the next test."""
    found = server.execute("SELECT datname FROM pg_database WHERE datname NOT LIKE 'empty %' ORDER BY datname")
    return [name for (name,) in found if name not in ("postgres", "template0", "template1")]


def make_store(server: Server, *filled: str) -> None:
    """As hosts make one at their first start; those of its databases have the rows that the store here has."""
    for name in NAMES:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "empty {name}" OWNER bookstore STRATEGY file_copy')
    for name in filled:
        service = get_service(name)
        with opened(replication_settings.files[service.aliases[0]]) as here, server.connect(name) as there:
            there.execute("SET bookstore.writes = 'unnoted'")
            with there.transaction():
                for table in service.tables.values():
                    ServerPlace(there).write(table.model, FilePlace(here).rows(table.model))


def put_tables(server: Server) -> None:
    """As migrating would, into databases that were claimed."""
    for name in NAMES:
        if not server.execute("SELECT 1 FROM pg_tables WHERE tablename = 'django_migrations'", database=name):
            claimed = server.execute("SELECT source FROM replication_arrival", database=name)
            server.execute(
                f'DROP DATABASE "{name}" WITH (FORCE)',
                f'CREATE DATABASE "{name}" TEMPLATE "empty {name}" OWNER bookstore STRATEGY file_copy',
            )
            if name != "accounts":
                server.execute("DELETE FROM replication_head", "DELETE FROM replication_logentry", database=name)
            server.execute(
                "SET SESSION AUTHORIZATION bookstore",
                "CREATE TABLE replication_arrival (source text NOT NULL, position bigint, hash text, "
                "arrived boolean NOT NULL DEFAULT false)",
                f"INSERT INTO replication_arrival (source) VALUES ('{claimed[0][0]}')",
                database=name,
            )


def differences(server: Server) -> list[str]:
    """Of all tables of all three databases."""
    found = []
    for name in NAMES:
        if name == "accounts":
            path, models = (
                topology.database_file(topology.ACCOUNTS),
                list(replicated_models(apps, replication_settings.unreplicated_apps)),
            )
        else:
            service = get_service(name)
            path = replication_settings.files[service.aliases[0]]
            models = [table.model for table in service.tables.values()]
        with opened(path) as connection, server.connect(name) as there:
            there.execute("BEGIN")
            for model in models:
                ours, theirs = FilePlace(connection), ServerPlace(there)
                found.append(comparing.difference(ours, theirs, model, lambda: None))
                if ours.last_number(model) != theirs.last_number(model):
                    found.append(f"{model.__name__}: other numbers")
    return [each for each in found if each]


def head_there(server: Server, name: str) -> Any:
    return server.execute("SELECT position, hash FROM replication_head", database=name)[0]


def assert_moved(server: Server) -> None:
    assert differences(server) == []
    for name in topology.SERVICES:
        with opened(replication_settings.files[f"{name}-1"]) as connection:
            newest = "SELECT position, hash FROM replication_logentry ORDER BY position DESC LIMIT 1"
            assert head_there(server, name) == connection.execute(newest).fetchone()
        with pytest.raises(Unavailable, match="has moved"):
            buy()
        connections.close_all()


def test_all_rows_are_there_and_the_files_refuse(target: Server) -> None:
    get_user_model().objects.create_user("ada", password="…")
    book_restock(actor="ada", book_id=2, quantity=7)
    bought = buy()
    sell()  # Its order isn't written yet.
    said = command("move_to", target.url)
    assert "Sales are held." in said
    assert f"BOOKSTORE_DATABASE_URL={target.url}" in said
    assert_moved(target)
    assert len(target.execute("SELECT 1 FROM order_app_order", database="order")) == 2, "with the one of the sale"
    assert bought in orders(replication_settings.files["order-1"])
    known = target.execute("SELECT name, said FROM store_mark WHERE kind = 'record'", database="accounts")
    assert known == [("secret-key", secret_files.fingerprint(secret_files.SECRET_KEY))], "another host has to have it"
    assert "already" in command("move_to", target.url)


def test_what_is_sold_while_rows_are_copied_is_carried_over(target: Server) -> None:
    bought = set[uuid.UUID]()

    def sell_some() -> None:
        for _ in range(3):
            Actor(lambda: bought.add(buy())).result()  # As another process would.

    for point in ("move-copied-catalog", "move-copied-order", "move-compared-catalog", "move-compared-order"):
        failpoints.hooks[point] = sell_some
    command("move_to", target.url)
    assert len(bought) == 12
    assert_moved(target)
    there = {key for (key,) in target.execute("SELECT id FROM order_app_order", database="order")}
    assert bought <= there


def test_a_store_that_was_made_there_and_never_used_makes_room(target: Server) -> None:
    make_store(target, topology.CATALOG)
    bought = buy()
    with target.connect("accounts"), pytest.raises(CommandError, match="stop those of all hosts"):
        command("move_to", target.url)
    assert databases(target) == sorted(NAMES)
    assert "Its catalog is kept as `catalog until 2" in command("move_to", target.url)
    assert_moved(target)
    assert target.execute("SELECT id FROM order_app_order", database="order") == [(bought,)]
    aside = [name for name in databases(target) if " until " in name]
    assert [name.partition(" until ")[0] for name in aside] == sorted(NAMES)
    assert target.execute("SELECT count(*) FROM catalog_app_book", database=aside[1]) == [(7,)]


def test_another_programs_accounts_are_not_touched(target: Server) -> None:
    target.execute("CREATE DATABASE accounts OWNER bookstore")
    target.execute("SET SESSION AUTHORIZATION bookstore", "CREATE TABLE django_migrations ()", database="accounts")
    with pytest.raises(CommandError, match="isn't empty: nothing of it is touched"):
        command("move_to", target.url)
    assert [name for name in databases(target) if name.startswith("accounts")] == ["accounts"]


@pytest.mark.parametrize("name", topology.SERVICES)
def test_a_store_that_was_used_there_makes_none(target: Server, name: str) -> None:
    buy()
    make_store(target, name)
    with pytest.raises(CommandError, match=f"{name} there has (books that were changed or sold|orders)"):
        command("move_to", target.url)
    assert databases(target) == sorted(NAMES)
    buy()


class Killed(BaseException):
    """As kill -9 ends it: nothing of it cleans up, but that a thread can't leave a lock behind."""


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_goes_on(target: Server, point: str) -> None:
    bought, has_sold = {buy()}, list[uuid.UUID]()

    def die() -> None:
        failpoints.hooks.clear()
        raise Killed

    def sell_one() -> None:
        has_sold.append(buy())

    failpoints.hooks["move-compared-catalog"] = sell_one
    failpoints.hooks[point] = die
    with pytest.raises(Killed):
        command("move_to", target.url)
    connections.close_all()
    try:
        bought.add(buy())
        refuses = False
    except Unavailable:
        refuses = True
    assert refuses == (point.startswith(("handed-over", "move-opened"))), "only then the files may refuse"
    command("move_to", target.url)
    assert_moved(target)
    there = {key for (key,) in target.execute("SELECT id FROM order_app_order", database="order")}
    assert bought | set(has_sold) <= there


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_another_store_is_touched(target: Server, name: str) -> None:
    target.execute(f'CREATE DATABASE "{name}" OWNER bookstore')
    target.execute("CREATE TABLE mine (id int)", database=name)
    with pytest.raises(CommandError, match=f"{name} isn't empty"):
        command("move_to", target.url)
    assert target.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name) == [("mine",)]
    buy()


def test_nothing_of_another_store_that_moves_is_touched(target: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    failpoints.hooks["move-copied-catalog"] = lambda: (_ for _ in ()).throw(Killed())
    with pytest.raises(Killed):
        command("move_to", target.url)
    connections.close_all()
    failpoints.hooks.clear()
    target.execute("UPDATE replication_arrival SET source = 'another'", database="catalog")
    with pytest.raises(CommandError, match="Another store is moving into the database catalog"):
        command("move_to", target.url)


def test_a_row_that_is_not_the_same_there_keeps_the_store_here(target: Server) -> None:
    buy()
    failpoints.hooks["move-copied-order"] = lambda: target.execute(
        "SET bookstore.writes = 'unnoted'", "UPDATE order_app_orderline SET quantity = 2", database="order"
    )
    with pytest.raises(CommandError, match=r"order isn't the same in both places: row \d+ of order_app_orderline"):
        command("move_to", target.url)
    connections.close_all()
    assert Order.objects.using("order-1").count() >= 0
    buy()


@pytest.mark.parametrize(
    "url", ["sqlite:///x", "postgresql://bookstore:pw@127.0.0.1/", "postgresql://127.0.0.1/catalog"]
)
def test_an_address_that_makes_no_sense_is_refused(shop: Path, url: str) -> None:
    with pytest.raises(CommandError, match="move_to's address"):
        command("move_to", url)


def test_files_that_were_adopted_again_are_not_taken_for_what_has_moved(target: Server) -> None:
    command("move_to", target.url)
    for name in topology.SERVICES:
        command("replication", "adopt", "--service", name, "--yes")
    buy()
    with pytest.raises(CommandError, match="adopted again since"):
        command("move_to", target.url)
    target.execute('DROP DATABASE "catalog"')
    with pytest.raises(CommandError, match="files of order were adopted again since"):
        command("move_to", target.url)
    buy()


def test_a_log_that_was_shortened_meanwhile_has_all_copied_again(target: Server) -> None:
    buy()

    def die() -> None:
        failpoints.hooks.clear()
        raise Killed

    failpoints.hooks["move-compared-catalog"] = die
    with pytest.raises(Killed):
        command("move_to", target.url)
    connections.close_all()
    target.execute("UPDATE replication_arrival SET hash = 'gone'", database="catalog")
    assert "catalog: copied up to" in command("move_to", target.url)
    assert moving.BATCH > 1
    assert_moved(target)
