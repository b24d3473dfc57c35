"""Database files that are damaged under a running store: it goes on with the other copy, and rebuilds the bad one."""

import json
import shutil
from pathlib import Path

import pytest

from tests.client import Shop
from tests.databases import dump_both
from tests.store import Store, wait_for


def _delete(path: Path) -> None:
    path.unlink()


def _truncate_to_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _truncate_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def _fill_with_garbage(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\xa5" * size)


def _replace_by_a_copy(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def _remove_with_its_log(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


DAMAGES = [
    _delete,
    _truncate_to_half,
    _truncate_to_nothing,
    _fill_with_garbage,
    _replace_by_a_copy,
    _remove_with_its_log,
]


@pytest.mark.parametrize("alias", ["catalog-1", "catalog-2", "order-1", "order-2"])
def test_the_store_sells_on_while_a_file_is_damaged_and_rebuilt(store: Store, alias: str) -> None:
    service = alias.partition("-")[0]
    path = store.data / alias / f"{service}.sqlite3"
    client = Shop(store).client()
    for damage in DAMAGES:
        damage(path)
        for _ in range(4):
            assert client.buy(1).status == 201, damage.__name__
            assert client.get("/api/v1/books/1/").status == 200, damage.__name__
        wait_for(lambda: in_sync(store, service) == {f"{service}-1", f"{service}-2"}, 30, f"{alias} after {damage}")
        store.wait_ready()
    assert f"{alias} rejoined by copy" in "".join(store.log(node) for node in store.nodes)
    assert dump_both(store, service), "both files hold the same rows"


def in_sync(store: Store, service: str) -> set[str]:
    """The in-sync set, as the newest slot of the witness has it."""
    slots = (store.data / "witness" / f"{service}.json").read_text(errors="replace").split("\n")
    newest = max(
        (json.loads(slot.partition(" ")[2]) for slot in slots if "{" in slot), key=lambda slot: slot["counter"]
    )
    return set(newest["in_sync"])
