"""Running stores that tests use one after another: a start takes longer than most of what is tested on it."""

import json
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.databases import is_whole
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

ORDINARY = {"BOOKSTORE_BREAKABLE": "1", "BOOKSTORE_HUNG_AFTER_S": "0"}
"""Whoever is stopped by a test stays so for as long as the test needs."""
GIVEN_IDS = range(1, 8)
"""Of the books that are in every new store."""
FIELDS = ("title", "authors", "isbn13", "topic", "price", "quantity")
Key = tuple[int, tuple[tuple[str, str], ...]]


class Pool:
    """For one process of tests. At most one store is kept while nobody uses it, and those in use."""

    def __init__(self, folder: Path, prepared: Path) -> None:
        self._folder, self._prepared = folder, prepared
        self._started = 0
        self._idle: dict[Key, Store] = {}
        self._trusted: set[Store] = set()
        """Of those in use."""
        self._given: dict[Path, list[dict[str, Any]]] = {}
        self._user = ""

    @contextmanager
    def store(self, *, fronts: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[Store]:
        """A store with these settings, healthy, and with its first seven books as in a new one.

        It may be broken: one that doesn't recover, or on which a test fails, isn't used again.
        """
        key = (fronts, tuple(sorted((ORDINARY | dict(environment or {})).items())))
        store, self._user = self._take(key), ""  # Whoever shares it next may not find it as it was.
        try:
            yield store
        except BaseException:
            self._end(store)
            raise
        self._put_back(key, store, is_to_recover=True)

    @contextmanager
    def ordinary_store(self, user: str) -> Iterator[Store]:
        """A store for whoever leaves it as healthy as it was: nobody looks whether it is.

        Its first seven books are put back for each user, a module of tests: together they would sell them out.
        """
        key = (1, tuple(sorted(ORDINARY.items())))
        store = self._take(key, is_restored=user != self._user)
        self._user = user
        yield store
        self._put_back(key, store)

    def distrust(self) -> None:
        """A test has failed: whoever comes next has no store that is in use now."""
        self._trusted.clear()

    def _put_back(self, key: Key, store: Store, *, is_to_recover: bool = False) -> None:
        if store in self._trusted and (not is_to_recover or recovers(store)):
            self._trusted.remove(store)
            self._idle[key] = store
        else:
            self._end(store)

    def close(self) -> None:
        while self._idle:
            self._end(self._idle.popitem()[1])

    def _take(self, key: Key, *, is_restored: bool = True) -> Store:
        store = self._idle.pop(key, None)
        if store is not None and is_restored:
            try:
                self._put_books_back(store)
            except (OSError, AssertionError):  # One of them is gone for good.
                self._end(store)
                store = None
        if store is None:
            self.close()
            store = self._start(key)
        store.forget_what_was_said()
        self._trusted.add(store)
        return store

    def _start(self, key: Key) -> Store:
        fronts, settings = key
        self._started += 1
        data = self._folder / str(self._started) / "var"
        store = Store(data, fronts=fronts, environment=dict(settings), prepared=self._prepared)
        store.__enter__()
        self._given[store.data] = _books(store)
        return store

    def _end(self, store: Store) -> None:
        self._trusted.discard(store)
        store.__exit__(None, None, None)

    def _put_books_back(self, store: Store) -> None:
        now = {book["id"]: book for book in _books(store)}
        for book in self._given[store.data]:
            assert book["id"] in now
            changed = {name: book[name] for name in FIELDS if now[book["id"]][name] != book[name]}
            if changed:
                _ask(store, f"/api/v1/books/{book['id']}/", changed)


def recovers(store: Store) -> bool:
    """Waits until the store is as healthy as a new one; False if it was stopped, or if that takes too long."""
    if not store.running:
        return False
    try:
        wait_for(lambda: not store.running or _is_healthy(store), what="a healthy store")
    except AssertionError:
        return False
    return store.running


def _is_healthy(store: Store) -> bool:
    with suppress(OSError, ValueError):
        if not all(store.is_ready(node) for node in store.nodes):
            return False
        nodes = _ask(store, "/api/v1/cluster/")["nodes"]
        return all(node["state"] == "up" and node["in_sync"] is not False for node in nodes) and is_whole(store)
    return False


def _books(store: Store) -> list[dict[str, Any]]:
    found = _ask(store, "/api/v1/books/?ordering=id&page_size=7")["results"]
    books: list[dict[str, Any]] = [book for book in found if book["id"] in GIVEN_IDS]
    return books


def _ask(store: Store, path: str, changed: Mapping[str, Any] | None = None) -> Any:
    """Reads, or changes as staff."""
    request = urllib.request.Request(store.front + path)
    if changed is not None:
        request = urllib.request.Request(store.front + path, json.dumps(changed).encode(), method="PATCH")
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Basic " + b64encode(":".join(store.staff).encode()).decode())
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)
