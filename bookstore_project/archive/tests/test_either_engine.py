"""A backup and its way back, whatever keeps the rows."""

import uuid
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project.archive import manifest
from bookstore_project.archive.audit import audit
from bookstore_project.archive.tests.shop import backup, buy, change_backup, command, orders, restore, sell
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.engine import copies_in_files, engine
from bookstore_project.replication.service import get_service
from bookstore_project.settings import databases, topology
from bookstore_project.sqlite_files import opened
from catalog_app.models import Book
from catalog_app.services import book_restock
from order_app.models import Order
from tests.actors import Actor

pytestmark = [pytest.mark.every_engine, pytest.mark.large]
POINTS = ["loaded-order-1", "closed", "renamed"] if databases.ON_POSTGRESQL else ["accounts"]


def stock(book: int) -> int:
    with reads.reading("catalog"):
        return Book.objects.get(pk=book).quantity


def bought() -> set[uuid.UUID]:
    with reads.reading("order"):
        return set(Order.objects.values_list("pk", flat=True))


def test_a_backup_is_of_one_moment_and_brings_it_back(shop: Path, tmp_path: Path) -> None:
    get_user_model().objects.create_user("ada", password="…")
    book_restock(actor="ada", book_id=2, quantity=7)
    first = buy()
    sell()  # Its order is written before.
    failpoints.hooks["backup-copied-catalog"] = lambda: Actor(buy).result()
    folder = backup(tmp_path / "b")
    failpoints.hooks.clear()
    assert first in orders(folder / "order.sqlite3")
    assert len(orders(folder / "order.sqlite3")) == 2, "and not what was bought meanwhile"
    with opened(folder / "catalog.sqlite3") as catalog, opened(folder / "order.sqlite3") as order:
        assert audit(catalog.execute, order.execute).is_clean
        assert copies_in_files().findings(catalog, get_service("catalog")) == []

    get_user_model().objects.create_user("eve", password="…")
    before = engine.standing(get_service("catalog")).timeline
    connections.close_all()
    said = restore(folder)
    assert "position" in said.partition("LOST")[2], said
    assert "eve would be gone" in said
    assert (stock(1), stock(2)) == (48, 57)
    assert bought() == orders(folder / "order.sqlite3")
    assert set(get_user_model().objects.values_list("username", flat=True)) == {"ada"}
    assert engine.standing(get_service("catalog")).timeline != before
    book_restock(actor="ada", book_id=2, quantity=1)
    assert buy() in bought()
    assert "agree" in command("audit")


@pytest.mark.parametrize("point", POINTS)
def test_a_restore_that_is_killed_leaves_the_old_store_or_is_repeated(shop: Path, tmp_path: Path, point: str) -> None:
    kept = buy()
    folder = backup(tmp_path / "b")
    later = buy()
    connections.close_all()

    class Killed(BaseException):
        pass

    def die() -> None:
        failpoints.hooks.clear()
        raise Killed

    failpoints.hooks[f"restore-{point}"] = die
    with pytest.raises(Killed):
        restore(folder)
    connections.close_all()
    if point.startswith("loaded"):
        assert bought() == {kept, later}
        connections.close_all()
    restore(folder)
    assert bought() == {kept}


def test_a_backup_that_was_changed_is_not_restored(shop: Path, tmp_path: Path) -> None:
    folder = backup(tmp_path / "b")
    change_backup(
        folder, "catalog.sqlite3", lambda copy: copy.execute("UPDATE catalog_app_book SET price = 1 WHERE id = 3")
    )
    with pytest.raises(CommandError, match=r"catalog\.sqlite3 is damaged"):
        restore(folder)
    (folder / manifest.SECRET).write_bytes(b"another\n")
    with pytest.raises(CommandError, match="isn't what the manifest says"):
        restore(folder)
    assert topology.DATA.exists()
    assert stock(3) == 50
