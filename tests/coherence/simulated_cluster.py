"""A catalog of two replicas and its fronts, all in this process: real but for the wire, which the test holds.

Every actor that a test pauses is a thread (`Actor`). Seconds pass when somebody sleeps, or the test says so.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import F
from django.test import Client

from bookstore_project.api import headers
from bookstore_project.nodes import client
from bookstore_project.replication.interface import Lease
from bookstore_project.replication.service import Service
from bookstore_project.replication.transaction import run
from bookstore_project.settings.topology import NODES, Node
from catalog_app.models import Book
from frontend_app import runtime, services
from frontend_app.cache import pushes
from frontend_app.cache.coherence import Cache
from frontend_app.responses import Relay
from frontend_app.runtime import Front
from tests.actors import Actor
from tests.clock import Clock
from tests.waiting import wait_for

_asked: ContextVar[str] = ContextVar("asked", default="catalog-1")
"""The replica that this thread works for at the moment."""


def asked_alias(service: Service) -> str:
    """Stands in for `local_alias`: one process is both replicas here."""
    return _asked.get()


@dataclass
class SimulatedCluster:
    """The wire in both directions, and the fronts at its end."""

    clock: Clock
    fronts: dict[str, Front] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    """Fronts that no push reaches."""
    cut_off: set[str] = field(default_factory=set)
    """Fronts whose calls reach nobody."""
    lost: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """Pushes that didn't arrive: a test may deliver them late."""
    sets: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """New answers on their way to a front: they arrive when the test says so."""
    on_answer: Callable[[], object] | None = None
    """Called when a replica has answered a read, before the front has it."""
    on_poll: Callable[[], object] | None = None
    """The same for a poll."""
    reads: list[tuple[str, str]] = field(default_factory=list)
    """Replica and path of each read that reached one."""

    # ---------------------------------------------------------------------------------------- the wire

    def call(self, front: str) -> Callable[..., client.Reply]:
        """How that front reaches the replicas."""

        def call(node: Node, method: str, path: str, *, body: bytes | None = None, **options: Any) -> client.Reply:
            if front in self.cut_off:
                raise client.NeverSent(node.name)
            extra = {headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, **(options.get("extra_headers") or {})}
            token = _asked.set(node.name)
            try:
                answer = Client().generic(method, path, body or b"", "application/json", headers=extra)
            finally:
                _asked.reset(token)
            if method == "GET":
                self.reads.append((node.name, path))
                if self.on_answer is not None:
                    self.on_answer()
            elif self.on_poll is not None:
                self.on_poll()
            return client.Reply(answer.status_code, dict(answer.headers), answer.content)

        return call

    def push(self, lease: Lease, message: Mapping[str, Any], timeout_s: float = 0) -> bool:
        """Stands in for `replication.invalidation.pushes.push`."""
        if lease.front in self.unreachable:
            if message["invalidate"]:
                self.lost.append((lease.front, message))
            return False
        if message["set"]:
            self.sets.append((lease.front, {**message, "replica": "catalog-1"}))  # This process has no node's name.
            return True
        return self.deliver(lease.front, message, lease.instance)

    def deliver_set(self, position: object) -> None:
        """Returns when the new answer has arrived that the write at this position sent."""
        front, message = wait_for(lambda: self.sets_of(position))[0]
        assert self.deliver(front, message)

    def sets_of(self, position: object) -> list[tuple[str, Mapping[str, Any]]]:
        return [sent for sent in self.sets if any(item[0] == position for item in sent[1]["set"])]

    def deliver(self, front: str, message: Mapping[str, Any], instance: str = "") -> bool:
        """Hands a push to a front, as it comes over the wire."""
        return pushes.take(self.fronts[front].coherence, json.loads(json.dumps(message)), instance) is not None

    # ------------------------------------------------------------------------------------- the actors

    def add_front(self, name: str, cache: Cache) -> Front:
        front = runtime.build(NODES["front"], call=self.call(name), cache=cache)
        front.poller.front = Node(name, "front", "127.0.0.1", 1, 1)
        front.coherence.clock = self.clock.monotonic
        self.fronts[name] = front
        return front

    def poll(self, front: Front) -> bool:
        """In a thread of its own: a hook runs in a writer's, whose transaction is not the poll's."""
        return bool(Actor(front.poller.poll).result())


class Reader(Actor):
    """A read in a thread of its own."""

    def seen(self) -> tuple[str, str]:
        """Price (or the problem's code) and X-Cache; raises what the read raised."""
        relay = self.result()
        assert isinstance(relay, Relay)
        told = json.loads(relay.body)
        return told.get("price") or told["code"], relay.headers["X-Cache"]


def read(front: Front, book_id: int = 1) -> Reader:
    return Reader(lambda: services.read_book(front, book_id))


def look(front: Front, book_id: int = 1) -> tuple[str, str]:
    """Begins a read now, and waits for what it sees. The event loop's fast path gives the same, or nothing."""
    key = f"book:{book_id}"
    found = front.coherence.find(front.reads.cache, key, key)
    seen = read(front, book_id).seen()
    if found is not None:
        assert seen == (json.loads(found.body)["price"], "hit")
    return seen


def titles(front: Front, topic: str) -> tuple[list[int], str]:
    """Ids of a topic's books, and X-Cache."""
    relay = Actor(lambda: services.read_titles(front, topic, "")).result()
    assert isinstance(relay, Relay)
    return [found["id"] for found in json.loads(relay.body)["results"]], relay.headers["X-Cache"]


def write(book_id: int = 1) -> Actor:
    """A writer who raises the price by one."""
    change = {"price": F("price") + 1, "version": F("version") + 1}
    return Actor(lambda: run("catalog", lambda: Book.objects.filter(pk=book_id).update(**change)).position)


def move(book_id: int, topic: str) -> None:
    Actor(
        lambda: run("catalog", lambda: Book.objects.filter(pk=book_id).update(topic=topic, version=F("version") + 1))
    ).result()


def prices(start: str, count: int) -> list[str]:
    """The price now, and after each of so many writes."""
    whole, cents = start.split(".")
    return [f"{int(whole) + step}.{cents}" for step in range(count + 1)]


class Killed(BaseException):
    """Ends a writer between two lines, as kill -9 does: nothing after them happens."""


def killed() -> None:
    raise Killed
