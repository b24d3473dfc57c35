"""The usual way, against which the store is measured: that it sells, and that it loses what it is said to lose."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from benchmarks.processor_time import processes_by
from benchmarks.yardstick import UsualWay, usual_way
from tests.store import ROOT
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.processes

Running = tuple[Path, UsualWay]
TWO_CUSTOMERS = """
import django
django.setup()
from django.db.models.signals import pre_save
from rest_framework.test import APIRequestFactory
from benchmarks.usual_way import catalog
answers = []
def buy():
    answers.append(catalog.sell(APIRequestFactory().post("/"), number=3).status_code)
def another_customer(**_):
    pre_save.disconnect(another_customer)
    buy()
pre_save.connect(another_customer)
buy()
print(*answers)
"""
"""The second one comes when the first one's stock was read, and is not yet written."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("usual") / "data"
    with usual_way(data) as way:
        yield data, way


def url(way: UsualWay, node: str) -> str:
    return f"http://{way.addresses[node]}"


def changed(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file, timeout=PATIENCE_S)
    with connection:
        connection.execute(statement)
    connection.close()


def found(file: Path, query: str) -> list[int]:
    connection = sqlite3.connect(file, timeout=PATIENCE_S)
    try:
        return [row[0] for row in connection.execute(query)]
    finally:
        connection.close()


def copies_of(data: Path, book: int) -> list[int]:
    """In both catalogs."""
    query = f"SELECT quantity FROM usual_way_book WHERE id = {book}"
    return [count for number in (1, 2) for count in found(data / f"catalog-{number}.sqlite3", query)]


def test_it_sells_from_both_files_and_shows_it(running: Running) -> None:
    data, way = running
    front = url(way, "front-1")
    before = requests.get(f"{front}/product/1", timeout=PATIENCE_S).json()["quantity"]
    orders = [requests.post(f"{front}/purchase/1", timeout=PATIENCE_S) for _ in range(2)]  # One by each replica.
    assert [order.status_code for order in orders] == [201, 201]
    assert requests.get(f"{front}/product/1", timeout=PATIENCE_S).json()["quantity"] == before - 2
    assert copies_of(data, 1) == [before - 2, before - 2]
    for number in (1, 2):
        assert found(data / f"order-{number}.sqlite3", "SELECT COUNT(*) FROM usual_way_order WHERE book = 1") == [2]


def test_what_the_other_file_refuses_stays_in_the_first(running: Running) -> None:
    data, way = running
    changed(
        data / "catalog-2.sqlite3",
        "CREATE TRIGGER full BEFORE UPDATE ON usual_way_book WHEN NEW.id = 2 "
        "BEGIN SELECT RAISE(FAIL, 'no space left'); END",
    )
    answer = requests.post(f"{url(way, 'catalog-1')}/sell/2", timeout=PATIENCE_S)
    assert answer.status_code == 500
    first, second = copies_of(data, 2)
    assert first == second - 1


def test_two_customers_buy_the_last_copy(running: Running) -> None:
    data = running[0]
    for number in (1, 2):
        changed(data / f"catalog-{number}.sqlite3", "UPDATE usual_way_book SET quantity = 1 WHERE id = 3")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "benchmarks.usual_way.settings",
        "USUAL_WAY_NODE": "catalog-1",
        "USUAL_WAY_DATA": str(data),
        "USUAL_WAY_ADDRESSES": json.dumps({}),
        "USUAL_WAY_CACHE": "on",
    }
    done = subprocess.run(
        [sys.executable, "-c", TWO_CUSTOMERS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["200", "200"]
    assert copies_of(data, 3) == [0, 0]


def test_a_process_that_dies_is_started_again(running: Running) -> None:
    data, way = running

    def processes() -> set[int]:
        found = processes_by("USUAL_WAY_DATA", str(data.resolve()), "USUAL_WAY_NODE")
        return {pid for pid, node in found.items() if node == "order-2"}

    killed = processes()
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):  # With the first of them its others end.
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: processes() - killed, what="it was started again")

    def buys() -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.post(f"{url(way, 'order-2')}/purchase/4", timeout=PATIENCE_S).status_code == 201
        return False

    wait_for(buys, what="it sells again")


def test_it_listens_on_loopback_alone_and_ends_with_whoever_started_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    alive = partial(processes_by, "USUAL_WAY_DATA", str(data), "USUAL_WAY_NODE")
    with usual_way(data) as way:
        assert {address.partition(":")[0] for address in way.addresses.values()} == {"127.0.0.1"}
        assert set(alive().values()) == set(way.addresses)
        way.process.kill()
        way.process.wait(PATIENCE_S)
        wait_for(lambda: not alive(), what="its processes have ended")
