"""What a hit costs when the cache is full of others: a million entries beside a hundred."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from benchmarks.children import say
from benchmarks.load import Target, compare
from bookstore_project.nodes.tool_client import Session
from tests.store import Store

FEW, MANY = 100, 1_000_000
AT_ONCE = 1000
"""Entries in one push."""
A_DAY_S = "86400"
CONNECTIONS = 32


def measure(base: Path, rounds: int, seconds: int, smaller: int) -> dict[str, Mapping[str, float]]:
    """The same hundred books asked for in both, and then each of the many."""
    many = MANY // smaller
    environment = {"BOOKSTORE_CACHE_SIZE": str(many + FEW), "BOOKSTORE_CACHE_TIMEOUT_S": A_DAY_S}
    with (
        Store(base / "few", environment=environment) as small,
        Store(base / "many", environment=environment) as large,
    ):
        say(f"filling a cache with {many:,} entries")
        fill(small, FEW)
        fill(large, many)
        say("hits in a full cache")
        few = target("100 entries", small, FEW)
        same = compare(target(f"{many:,} entries, the same 100 read", large, FEW), few, rounds, seconds)
        each = compare(target(f"{many:,} entries, each of them read", large, many), few, rounds, seconds)
    return {
        "hit in a full cache ÷ in a nearly empty one": same,
        "the same, with reads all over it": each,
    }


def target(name: str, store: Store, books: int) -> Target:
    return Target(name, store.front, CONNECTIONS, "random.lua", ("/product/", str(books)))


def fill(store: Store, entries: int) -> None:
    """With pushes, as catalog replicas send them."""
    token = {"X-Service-Token": (store.data / "service-token").read_text().strip()}
    with Session(store.addresses["catalog-1"]) as replica:
        told = replica.get("/internal/status/", token).json
    with Session(store.addresses["front"]) as front:
        book = front.get("/product/1")
        position, fields = int(book.headers["X-Log-Position"]), book.json
        for first in range(1, entries + 1, AT_ONCE):
            batch = range(first, min(first + AT_ONCE, entries + 1))
            sets = [[position, f"book:{number}", json.dumps({**fields, "id": number})] for number in batch]
            message = {"timeline": told["timeline"], "invalidate": [], "set": sets, "replica": "catalog-1"}
            answer = front.call("POST", "/internal/push/", message, extra_headers=token)
            assert answer.status == HTTPStatus.OK, answer
