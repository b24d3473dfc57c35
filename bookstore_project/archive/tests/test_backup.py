"""A backup is of one moment, whole, private, or not there."""

import json
import tarfile
import threading
import uuid
from functools import partial
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project.archive import consistent_snapshot
from bookstore_project.archive.audit import audit
from bookstore_project.archive.tests.shop import backup, buy, command, orders, restore, sell
from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.sqlite_pair.files import source
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    floor,
    head,
    rows,
)
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.services import book_restock
from order_app.models import OrderLine
from tests.actors import Actor
from tests.waiting import PATIENCE_S

POINTS = ["backup-copied-catalog", "backup-copied-order", "backup-before-manifest", "backup-whole"]
KILLED = (
    "import io; from django.core.management import call_command\n"
    "call_command('backup', {path!r}, stdout=io.StringIO(), stderr=io.StringIO())"
)


def audited(folder: Path) -> bool:
    with (
        source.snapshot_of(folder / "catalog.sqlite3") as catalog,
        source.snapshot_of(folder / "order.sqlite3") as order,
    ):
        return audit(catalog.execute, order.execute).is_clean


def test_a_backup_holds_everything_and_says_so(shop: Path, tmp_path: Path) -> None:
    bought = buy()
    text = command("backup", str(tmp_path / "b"))
    assert "ledger and orders agree" in text
    assert f"catalog: up to position {floor('catalog')}; 7 catalog_app_book, 8 catalog_app_ledgerentry" in text
    assert orders(tmp_path / "b" / "order.sqlite3") == {bought}
    made = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert made["services"]["order"]["position"] == head("order-1")
    assert made["services"]["order"]["rows"]["order_app_order"] == 1
    assert "order_app.0001_initial" in made["services"]["order"]["migrations"]
    assert set(made["files"]) >= {"catalog.sqlite3", "order.sqlite3", "accounts.sqlite3", "secret-key"}


def test_only_its_owner_can_read_it(shop: Path, tmp_path: Path) -> None:
    folder = backup(tmp_path / "b")
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir() if path.stat().st_mode & 0o077] == []
    packed = backup(tmp_path / "b.tar")
    assert packed.stat().st_mode & 0o077 == 0
    with tarfile.open(packed) as tar:
        assert {member.mode for member in tar} == {0o600}


def test_a_sale_under_way_gets_its_order_before_the_moment(shop: Path, tmp_path: Path) -> None:
    sale = sell()
    folder = backup(tmp_path / "b")
    assert orders(folder / "order.sqlite3") == {sale.order}
    assert audited(folder)
    assert_copies_equal("order")


def test_nobody_sells_between_the_two_snapshots(shop: Path, tmp_path: Path) -> None:
    tried = []

    def try_to_sell() -> None:
        tried.append(Actor(lambda: run("catalog", lambda: None, timeout_s=0.1)))
        with pytest.raises(Unavailable, match="Another writer holds the lock"):
            tried[-1].result()

    failpoints.hooks["snapshot-catalog"] = try_to_sell
    failpoints.hooks["snapshot-order"] = try_to_sell
    backup(tmp_path / "b")
    assert len(tried) == 2


def test_no_sale_slips_in_between_the_two_snapshots(shop: Path, tmp_path: Path) -> None:
    """Sellers that never rest, and die between sale and order half of the time."""
    done, bought = threading.Event(), set[uuid.UUID]()
    for book in (1, 2, 3, 4):
        book_restock(book_id=book, quantity=100_000, actor="staff")

    def trade(number: int) -> None:
        try:
            while not done.is_set():
                if number % 2:
                    sell(number)
                else:
                    bought.add(buy(number))
        finally:
            connections.close_all()

    sellers = [threading.Thread(target=trade, args=(number,)) for number in (1, 2, 3, 4)]
    for seller in sellers:
        seller.start()
    try:
        for number in range(4):
            before = set(bought)
            folder = backup(tmp_path / str(number))
            assert before <= orders(folder / "order.sqlite3"), "what was acknowledged before is in it"
            assert audited(folder)
    finally:
        done.set()
        for seller in sellers:
            seller.join(PATIENCE_S)


def test_what_was_acknowledged_before_is_read_through_the_gate(shop: Path) -> None:
    buy()
    with consistent_snapshot.consistent_snapshots() as (readers, _):
        buy()  # Sales stand still no longer.
        counts = {name: reader.do(partial(_newest, reader)) for name, reader in readers.items()}
        assert counts == {"catalog": floor("catalog") - 1, "order": floor("order") - 1}


def _newest(reader: consistent_snapshot.Reader) -> int:
    assert reader.snapshot is not None
    return entries.read_head(connections[reader.snapshot.alias].connection).position


@pytest.mark.parametrize("name", ["b", "b.tar"])
def test_nothing_is_overwritten(shop: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        backup(tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_damage_is_backed_up(shop: Path, tmp_path: Path) -> None:
    change_around("catalog-1", "UPDATE catalog_app_book SET price = 1 WHERE id = 7")
    with pytest.raises(CommandError, match="row 7 of catalog_app_book"):
        backup(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_no_quarrel_of_ledger_and_orders_is_backed_up(shop: Path, tmp_path: Path) -> None:
    buy()
    run("order", lambda: OrderLine.objects.update(quantity=3))
    with pytest.raises(CommandError, match=r"(?s)1 orders say something else than their sale.*order .* sale 8"):
        backup(tmp_path / "b")
    with pytest.raises(CommandError, match="don't agree"):
        command("audit")


@pytest.mark.parametrize("name", ["b", "b.tar"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.processes
def test_a_backup_cut_short_is_none(shop: Path, tmp_path: Path, killed_at: KilledAt, name: str, point: str) -> None:
    buy()
    target = tmp_path / name
    killed_at(point, KILLED.format(path=str(target)))
    assert not target.exists()
    if point != "backup-whole":
        for leftover in tmp_path.iterdir():
            with pytest.raises(CommandError, match="is not restored"):
                restore(leftover)
    backup(target)
    assert target.exists()
    buy()
    assert_copies_equal("catalog")


def test_a_store_without_a_copy_in_sync_is_not_backed_up(shop: Path, tmp_path: Path) -> None:
    (topology.DATA / "witness" / "order.json").unlink()
    with pytest.raises(CommandError, match=r"No backup was made: The witness order.json can't be read"):
        backup(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_audit_is_content_with_a_store_that_sells(shop: Path) -> None:
    buy()
    sell()  # Under way: younger than the grace.
    assert "Ledger and orders agree" in command("audit")
    assert rows("order-1", "SELECT count(*) FROM order_app_order") == [(1,)]


def test_accounts_that_nobody_can_read_are_named(shop: Path, tmp_path: Path) -> None:
    accounts = topology.database_file(topology.ACCOUNTS)
    accounts.write_bytes(b"\xa5" * 20_000)
    with pytest.raises(CommandError, match=r"the accounts can't be read: file is not a database"):
        call_command("backup", str(tmp_path / "backup"))
    assert not (tmp_path / "backup").exists()
