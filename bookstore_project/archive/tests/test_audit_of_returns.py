"""Whether cancellations, returns and lines of orders fit together: what an audit must find."""

import sqlite3
import uuid
from pathlib import Path

import pytest

from bookstore_project.archive.audit import Audit, audit
from bookstore_project.archive.tests.shop import backup, buy, change_backup, command, dumps, restore
from bookstore_project.replication import failpoints
from bookstore_project.replication.tests.support.replica_files import rows
from bookstore_project.settings import topology
from bookstore_project.sqlite_files import opened
from order_app import cancellation
from order_app.cancellation import cancel
from order_app.order_changes import Asked
from order_app.tests.catalog import Wire, reach


@pytest.fixture
def order(shop: Path, monkeypatch: pytest.MonkeyPatch) -> uuid.UUID:
    """One copy of book 2."""
    reach(Wire(), monkeypatch)
    return buy(2)


def audited() -> Audit:
    with (
        opened(topology.database_file("catalog-2")) as catalog,
        opened(topology.database_file("order-2")) as orders,
    ):
        return audit(catalog.execute, orders.execute)


def asked(order: uuid.UUID) -> Asked:
    return Asked(order, "ann", "damaged", f"cancel {order}".replace(" ", "-"))


def decide_only(order: uuid.UUID) -> None:
    """As if the process had died before the copies came back."""

    def die() -> None:
        raise KeyboardInterrupt

    failpoints.hooks["cancellation-decided"] = die
    try:
        with pytest.raises(KeyboardInterrupt):
            cancel(asked(order))
    finally:
        failpoints.hooks.clear()


@pytest.mark.parametrize(
    ("service", "statement", "count"),
    [
        ("order", "UPDATE order_app_cancelledline SET quantity = 2", "returns_differing"),
        ("order", "UPDATE order_app_orderline SET cancelled = 0", "lines_differing"),
        ("order", "UPDATE order_app_orderchange SET progress = 'void'", "lines_differing"),
        ("catalog", "DELETE FROM catalog_app_ledgerentry WHERE kind = 'return'", "returns_differing"),
        ("catalog", "UPDATE catalog_app_ledgerentry SET quantity = 9, change = 9 WHERE kind = 'return'",
         "returns_differing"),
    ],
)  # fmt: skip
def test_an_audit_finds_returns_and_cancellations_that_differ(
    order: uuid.UUID, service: str, statement: str, count: str
) -> None:
    cancel(asked(order))
    assert audited().is_clean
    with (
        opened(topology.database_file("catalog-2")) as catalog,
        opened(topology.database_file("order-2")) as orders,
    ):
        copies = {name: sqlite3.connect(":memory:") for name in ("catalog", "order")}
        catalog.backup(copies["catalog"])
        orders.backup(copies["order"])
    for (trigger,) in copies[service].execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        copies[service].execute(f'DROP TRIGGER "{trigger}"')
    copies[service].execute(statement)
    found = audit(copies["catalog"].execute, copies["order"].execute)
    assert getattr(found, count) == 1
    assert not found.is_clean
    assert found.named


def test_a_backup_has_what_is_cancelled_and_what_is_on_its_way(order: uuid.UUID, tmp_path: Path) -> None:
    cancel(asked(order))
    decide_only(pending := buy(3))
    path = backup(tmp_path / "b")
    before = dumps()
    restore(path)
    assert {alias: dump["order_app_orderchange"] for alias, dump in dumps().items() if alias.startswith("order")} == {
        alias: dump["order_app_orderchange"] for alias, dump in before.items() if alias.startswith("order")
    }
    assert cancellation.finish(grace_s=0) == 1
    assert rows("catalog-2", "SELECT quantity FROM catalog_app_book WHERE id IN (2, 3)") == [(50,), (50,)]
    assert cancel(asked(pending)).value.is_repeat
    command("audit")


def test_a_backup_of_before_there_were_cancellations_is_restored(order: uuid.UUID, tmp_path: Path) -> None:
    path = backup(tmp_path / "b")
    change_backup(
        path,
        "order.sqlite3",
        lambda orders: orders.executescript(
            "DROP TABLE order_app_cancelledline; DROP TABLE order_app_orderchange;"
            "DELETE FROM django_migrations WHERE app = 'order_app' AND name >= '0005'"
        ),
    )
    with opened(path / "order.sqlite3") as orders, opened(path / "catalog.sqlite3") as catalog:
        assert audit(catalog.execute, orders.execute).is_clean
