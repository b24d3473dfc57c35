"""Customers of the shop: they buy and look through HAProxy of either host, and note what was answered.

A purchase is repeated under its key until it is known. Each sale makes a book's version greater: so what is shown has
to be at least what it was, and one more for each purchase that was acknowledged since.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.cluster import Cluster
from tests.hosts.history import Seen
from tests.hosts.network import Namespace
from tests.waiting import PATIENCE_S

BUYERS, BOOKS = 3, 7
PAUSE_S = 0.2
CONNECT_S, TIMEOUT_S = 1.0, 12.0
"""An address at which no machine answers is soon left alone, as one that floats would lead elsewhere."""


class Shop:
    """Some buyers and one who looks, each in a thread at the switch; a context manager."""

    def __init__(self, network: Namespace, cluster: Cluster) -> None:
        self._network, self._hosts = network, [host.address for host in cluster.with_rows]
        self._answered = self._hosts[0]
        self._ended, self._guard = threading.Event(), threading.Lock()
        self.orders: list[str] = []
        """Those that were acknowledged."""
        self.purchases, self.looks = Seen(), Seen()
        self.stale: list[str] = []
        self._least: dict[int, int] = {}
        """By book: the version that whoever looks from now on has to see at least."""
        actors: list[Callable[[], None]] = [partial(self._buy, number) for number in range(BUYERS)]
        self._threads = [threading.Thread(target=act, daemon=True) for act in (*actors, self._look)]

    def __enter__(self) -> "Shop":
        with self._network.entered():
            for book in range(1, BOOKS + 1):
                self._least[book] = self._until_known("GET", f"/product/{book}")[1]["version"]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(PATIENCE_S)
                assert not thread.is_alive(), "the shop gives no answer that stays"

    def _buy(self, number: int) -> None:
        with self._network.entered():
            book = number
            while not self._ended.wait(PAUSE_S):
                book = book % BOOKS + 1
                key = {"Idempotency-Key": str(uuid.uuid4())}
                status, order = self._until_known("POST", "/api/v1/orders/", {"book": book}, key)
                if status in (http.client.OK, http.client.CREATED):
                    with self._guard:
                        self.orders.append(order["id"])
                        self._least[book] += 1
                        self.purchases.at.append(time.monotonic())

    def _look(self) -> None:
        with self._network.entered():
            book = 0
            while not self._ended.wait(PAUSE_S):
                book = book % BOOKS + 1
                with self._guard:
                    least = self._least[book]
                shown = self._until_known("GET", f"/product/{book}")[1]["version"]
                if shown < least:
                    self.stale.append(f"book {book}: {shown} < {least}")
                with self._guard:
                    self.looks.at.append(time.monotonic())

    def _until_known(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Asked where somebody was answered last, then at the other host, until an answer is one that stays so."""
        while True:
            for address in sorted(self._hosts, key=lambda each: each != self._answered):
                try:
                    status, answer = ask(address, method, path, body, headers)
                except (OSError, http.client.HTTPException, ValueError):
                    continue
                if status < http.client.INTERNAL_SERVER_ERROR:
                    self._answered = address
                    return status, answer
            time.sleep(PAUSE_S)


def ask(address: str, method: str, path: str, body: object, headers: dict[str, str] | None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address, ports.SHOP, timeout=CONNECT_S)
    try:
        connection.connect()
        connection.sock.settimeout(TIMEOUT_S)
        content = None if body is None else json.dumps(body)
        about = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, content, about)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
