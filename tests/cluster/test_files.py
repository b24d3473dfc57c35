"""Database files that are damaged under a running store: it goes on with the other copy, and rebuilds the bad one."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.client import Shop
from tests.databases import dump_both, in_sync, is_whole
from tests.store import Store
from tests.waiting import wait_for


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


def _write_an_old_copy_into_it(path: Path) -> None:
    """The file as the last checkpoint left it, and the -wal, with all since, stays beside it."""
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content)


def _remove_the_wal(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def _remove_the_shm(path: Path) -> None:
    path.with_name(f"{path.name}-shm").unlink()


DAMAGES = [
    _delete,
    _truncate_to_half,
    _truncate_to_nothing,
    _fill_with_garbage,
    _replace_by_a_copy,
    _remove_with_its_log,
    _write_an_old_copy_into_it,
    _remove_the_wal,
    _remove_the_shm,
]


@pytest.mark.parametrize("alias", ["catalog-1", "catalog-2", "order-1", "order-2"])
def test_the_store_sells_on_while_a_file_is_damaged_and_rebuilt(store: Store, alias: str) -> None:
    service = alias.partition("-")[0]
    path = store.data / alias / f"{service}.sqlite3"
    client = Shop(store).client()
    for damage in DAMAGES:
        assert client.buy(1).status == 201  # Something is in the -wal, and gone with it: no log makes up for that.
        # Open, for as long as it is compared with: the number of a file that is gone may be given to its successor.
        with path.open("rb") as old:
            damage(path)
            for _ in range(4):
                answer = client.buy(1)
                assert answer.status == 201, f"{damage.__name__}: {answer.body!r}"
                assert client.get("/api/v1/books/1/").status == 200, damage.__name__
            identity = os.fstat(old.fileno()).st_ino
            wait_for(partial(is_another, path, identity), 30, f"another file after {damage}")
        wait_for(lambda: in_sync(store, service) == {f"{service}-1", f"{service}-2"}, 30, f"{alias} after {damage}")
        store.wait_ready()
    told = f"{alias} rejoined by copy"
    wait_for(lambda: told in "".join(store.log(node) for node in store.nodes), what=told)
    assert dump_both(store, service), "both files hold the same rows"


def is_another(path: Path, inode: int) -> bool:
    return path.exists() and path.stat().st_ino != inode


def _lose_a_folder(data: Path) -> None:
    shutil.rmtree(data / "catalog-2")
    (data / "order-1" / "order.sqlite3").unlink()


def _copy_the_whole(data: Path) -> None:
    """As a backup does, or a new disk: the content is the same, every inode another."""
    shutil.copytree(data, data.with_name("copied"))
    shutil.rmtree(data)
    data.with_name("copied").rename(data)


@pytest.mark.parametrize("change", [_lose_a_folder, _copy_the_whole])
def test_a_stopped_store_whose_files_were_moved_or_lost_starts_again(
    store: Store, change: Callable[[Path], None]
) -> None:
    client = Shop(store).client()
    bought = client.buy(1).json
    assert store.stop() == 0
    change(store.data)
    store.start()
    store.wait_ready()
    wait_for(lambda: is_whole(store))
    assert client.get(f"/api/v1/orders/{bought['id']}/").json == bought
    assert client.buy(1).status == 201
    dump_both(store, "catalog")
    dump_both(store, "order")


def _delete_witness(path: Path, _old: bytes) -> None:
    path.unlink()


def _fill_witness_with_garbage(path: Path, old: bytes) -> None:
    path.write_bytes(b"\xa5" * len(old))


def _put_an_old_witness_back(path: Path, old: bytes) -> None:
    path.write_bytes(old)


DAMAGES_OF_WITNESS = [_delete_witness, _fill_witness_with_garbage, _put_an_old_witness_back]


@pytest.mark.parametrize("service", ["catalog", "order"])
def test_the_store_makes_its_witness_anew(store: Store, service: str) -> None:
    path = store.data / "witness" / f"{service}.json"
    client = Shop(store).client()
    for damage in DAMAGES_OF_WITNESS:
        old = path.read_bytes()
        bought = client.buy(1).json
        damage(path, old)
        answer = client.get("/api/v1/books/1/")
        assert answer.status == 503 or answer.json["quantity"] == 49 - DAMAGES_OF_WITNESS.index(damage)
        wait_for(lambda: client.buy(2).status == 201, 30, f"a sale after {damage}")
        store.wait_ready()
        assert client.get(f"/api/v1/orders/{bought['id']}/").json == bought
    wait_for(lambda: in_sync(store, service) == {f"{service}-1", f"{service}-2"}, 30)
    dump_both(store, service)


@pytest.mark.skipif(sys.platform != "linux", reason="who holds a lock is told by /proc")
def test_maintenance_that_is_stopped_holds_nobody_up(store: Store) -> None:
    """It is killed by who waits for its lock, and started anew by the supervisor."""
    client = Shop(store).client()
    wait_for(lambda: maintenance_node_of(store), 30, "maintenance")
    node = maintenance_node_of(store)
    assert node is not None
    pid = store.kill(node, signal.SIGSTOP)
    for _ in range(4):
        assert client.buy(1).status == 201
    wait_for(lambda: store.pid(node) != pid, 30, f"another {node}")
    store.wait_ready()
    dump_both(store, "catalog")


def maintenance_node_of(store: Store) -> str | None:
    """The catalog node that holds maintenance's lock, by the kernel's account."""
    lock = store.data / "locks" / "catalog" / "caretaker"
    if not lock.exists():
        return None
    inode = lock.stat().st_ino
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    holders = {words[4] for words in locks if words[1] == "FLOCK" and words[5].endswith(f":{inode}")}
    return next((node for node in ("catalog-1", "catalog-2") if str(store.pid(node)) in holders), None)
