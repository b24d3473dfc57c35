"""What the tests of the archive do with a store: buy, look, and lose it."""

import shutil
import sqlite3
import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from bookstore_project.api.sales import Line, Sale
from bookstore_project.archive import manifest
from bookstore_project.replication.tests.support import replica_files
from bookstore_project.settings import topology
from bookstore_project.sqlite_files import opened
from catalog_app.sales import order_sell
from order_app.purchase import order_write

ALIASES = ("catalog-1", "catalog-2", "order-1", "order-2")


def sell(book: int = 1) -> Sale:
    """A sale whose order isn't written: the process died in between, or is about to write it."""
    return order_sell(order=uuid.uuid4(), lines=[Line(book, 1)], deadline=None, is_first_attempt=True).value


def buy(book: int = 1) -> uuid.UUID:
    """A whole purchase; its order's id."""
    return order_write(sell(book)).value.order.pk


def orders(path: Path) -> set[uuid.UUID]:
    with opened(path) as connection:
        return {uuid.UUID(key) for (key,) in connection.execute("SELECT id FROM order_app_order")}


def dumps() -> dict[str, dict[str, replica_files.Rows]]:
    return {alias: replica_files.dump(alias) for alias in ALIASES}


def lose_everything() -> None:
    """As if the disk were new: no files, no witness."""
    connections.close_all()
    for folder in (*ALIASES, "witness", "leases", "locks"):
        shutil.rmtree(topology.DATA / folder, ignore_errors=True)
    for leftover in topology.DATA.glob("accounts.sqlite3*"):
        leftover.unlink()


def command(*words: str) -> str:
    output = StringIO()
    call_command(*words, stdout=output, stderr=StringIO())
    return output.getvalue()


def backup(path: Path) -> Path:
    command("backup", str(path))
    return path


def restore(path: Path) -> str:
    return command("restore", str(path), "--yes")


def change_backup(folder: Path, name: str, change: Callable[[sqlite3.Connection], object]) -> None:
    """Changes a database of a backup, and makes the manifest fit: what is left to find is the content."""
    with opened(folder / name, is_writable=True) as connection:
        change(connection)
    reseal(folder)


def reseal(folder: Path) -> None:
    path = folder / manifest.NAME
    made = manifest.parse(path.read_bytes())
    files = {name: manifest.sum_of(folder / name) for name in made.files}
    path.write_bytes(manifest.Manifest(made.created, made.services, files).as_bytes())
