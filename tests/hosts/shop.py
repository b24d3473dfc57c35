"""Customers of the shop: they buy and look through HAProxy of either host, and note what was answered.

A purchase is repeated under its key until it is known. Each sale makes a book's version greater: so what is shown has
to be at least what it was, and one more for each purchase that was acknowledged since.
"""

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.cluster import Cluster
from tests.hosts.history import Seen
from tests.hosts.network import Namespace
from tests.waiting import PATIENCE_S

BUYERS, BOOKS = 3, 7
PAUSE_S, BETWEEN_PURCHASES_S = 0.2, 0.5
"""To buy takes most of the processors' time. A host is gone for longer than that, so each buyer meets with it."""
CONNECT_S, TIMEOUT_S = 1.0, 12.0
"""An address at which no machine answers is soon left alone, as one that floats would lead elsewhere."""
HIT = "hit"
KEY = "Idempotency-Key"


@dataclass(frozen=True)
class Answer:
    status: int
    content: Any
    cache: str
    """What it says of the front's cache."""


@dataclass(frozen=True)
class Failure:
    """A request that had no answer, or one that says that it failed. By the monotonic clock."""

    asked: float
    at: float
    key: str
    """Of a purchase."""
    what: str


class Shop:
    """Some buyers and one who looks, each in a thread at the switch; a context manager."""

    def __init__(self, network: Namespace, cluster: Cluster) -> None:
        self._network, self._hosts = network, [host.address for host in cluster.with_rows]
        self._answered = self._hosts[0]
        self._ended, self._guard = threading.Event(), threading.Lock()
        self.orders: list[str] = []
        """Those that were acknowledged."""
        self.purchases, self.looks, self.hits = Seen(), Seen(), Seen()
        """Of the looks, hits are those that a front has answered by itself."""
        self.stale: list[str] = []
        self.failures: list[Failure] = []
        self._least: dict[int, int] = {}
        """By book: the version that whoever looks from now on has to see at least."""
        actors: list[Callable[[], None]] = [partial(self._buy, number) for number in range(BUYERS)]
        self._threads = [threading.Thread(target=act, daemon=True) for act in (*actors, self._look)]

    def __enter__(self) -> "Shop":
        with self._network.entered():
            for book in range(1, BOOKS + 1):
                self._least[book] = self._until_known("GET", f"/product/{book}").content["version"]
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
            while not self._ended.wait(BETWEEN_PURCHASES_S):
                book = book % BOOKS + 1
                key = {KEY: str(uuid.uuid4())}
                asked = time.monotonic()
                answer = self._until_known("POST", "/api/v1/orders/", {"book": book}, key)
                if answer.status in (http.client.OK, http.client.CREATED):
                    with self._guard:
                        self.orders.append(answer.content["id"])
                        self._least[book] += 1
                        self.purchases.note(asked)

    def _look(self) -> None:
        with self._network.entered():
            book = 0
            while not self._ended.wait(PAUSE_S):
                book = book % BOOKS + 1
                with self._guard:
                    least = self._least[book]
                asked = time.monotonic()
                answer = self._until_known("GET", f"/product/{book}")
                if (shown := answer.content["version"]) < least:
                    self.stale.append(f"book {book}: {shown} < {least}")
                with self._guard:
                    self.looks.note(asked)
                    if answer.cache == HIT:
                        self.hits.note(asked)

    def _until_known(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Asked where somebody was answered last, then at the other host, until an answer is one that stays so."""
        key = (headers or {}).get(KEY, "")
        while True:
            for address in sorted(self._hosts, key=lambda each: each != self._answered):
                asked = time.monotonic()
                try:
                    answer = ask(address, method, path, body, headers)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    self._note_failure(asked, key, f"{method} {path} at {address}: {error!r}")
                    self._leave(address)
                    continue
                if answer.status < http.client.INTERNAL_SERVER_ERROR:
                    self._answered = address
                    return answer
                self._note_failure(asked, key, f"{method} {path} at {address}: {answer.status} {answer.content}")
            time.sleep(PAUSE_S)

    def _leave(self, address: str) -> None:
        """As an address that floats: it leads to the other host once nothing comes back from this one."""
        if self._answered == address:
            self._answered = next(each for each in self._hosts if each != address)

    def _note_failure(self, asked: float, key: str, what: str) -> None:
        self.failures.append(Failure(asked, time.monotonic(), key, what))

    def most_repeats(self, since: float) -> int:
        """How often one purchase was asked for in vain since then, at most."""
        return max(Counter(each.key for each in self.failures if each.key and each.asked > since).values(), default=0)


def ask(address: str, method: str, path: str, body: object, headers: dict[str, str] | None) -> Answer:
    connection = http.client.HTTPConnection(address, ports.SHOP, timeout=CONNECT_S)
    try:
        connection.connect()
        connection.sock.settimeout(TIMEOUT_S)
        content = None if body is None else json.dumps(body)
        about = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, content, about)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()), response.getheader("X-Cache", ""))
    finally:
        connection.close()
