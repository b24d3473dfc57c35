"""The other side of the wire, in memory: replicas that answer, refuse, hang up, or wait for the test."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from bookstore_project.api import headers, problems
from bookstore_project.api.renderers import canonical_json
from bookstore_project.nodes import client
from bookstore_project.settings.topology import NODES, Node
from frontend_app import runtime
from frontend_app.cache.coherence import Cache
from frontend_app.cache.lru import LRUCache
from frontend_app.cache.messages import Invalidation, PollAnswer, Push, SentPoll
from frontend_app.runtime import Front

TIMELINE = "t1"
CATALOG_1, CATALOG_2 = NODES["catalog-1"], NODES["catalog-2"]
_names = itertools.count()


def lru(max_entries: int = 100, timeout_s: float | None = 60) -> LRUCache:
    """A cache that shares nothing with another test's."""
    params = {"TIMEOUT": timeout_s, "OPTIONS": {"MAX_ENTRIES": max_entries}}
    return LRUCache(f"test-{next(_names)}", params)


@dataclass
class Asked:
    """A call that a replica was sent."""

    node: str
    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]
    deadline: float | None


def problem_reply(code: str, position: int | None = None) -> client.Reply:
    document = problems.document(code, f"A sentence about {code}.", "upstream")
    reply = json_reply(document, document["status"], position)
    return client.Reply(reply.status, {**reply.headers, "Content-Type": problems.CONTENT_TYPE}, reply.body)


def json_reply(data: Any, status: int = 200, position: int | None = None) -> client.Reply:
    named = {"Content-Type": "application/json"}
    if position is not None:
        named |= {headers.LOG_POSITION: str(position), headers.TIMELINE: TIMELINE}
    return client.Reply(status, named, canonical_json(data))


Behaviour = Callable[[Asked], client.Reply]


@dataclass
class Store:
    """Replicas behind one `call`: always equal, and all well unless `behaviours` says otherwise by name."""

    books: dict[int, dict[str, Any]] = field(default_factory=dict)
    position: int = 1
    asked: list[Asked] = field(default_factory=list)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    page: dict[str, Any] = field(default_factory=dict)
    """What lists say beyond, or instead."""

    def __call__(self, node: Node, method: str, path: str, **options: Any) -> client.Reply:
        extra = options.get("extra_headers") or {}
        asked = Asked(node.name, method, path, options.get("body"), extra, options.get("deadline"))
        self.asked.append(asked)
        return self.behaviours.get(node.name, self.answer)(asked)

    def answer(self, asked: Asked) -> client.Reply:
        """What a replica that is well answers."""
        path = asked.path.partition("?")[0]
        if path.startswith("/api/v1/books/") and path.strip("/").rsplit("/", 1)[1].isdigit():
            return self._book(int(path.strip("/").rsplit("/", 1)[1]), asked)
        if path in ("/api/v1/books/", "/api/v1/topics/") and asked.method == "GET":
            return self._list(path, asked)
        if path.startswith("/search/"):
            return self._titles(unquote(path.removeprefix("/search/")))
        status = 201 if asked.method == "POST" else 200
        return json_reply({"path": asked.path, "body": (asked.body or b"").decode()}, status, self.position)

    def _book(self, book_id: int, asked: Asked) -> client.Reply:
        if book_id not in self.books:
            return problem_reply("not_found", self.position)
        if asked.method == "DELETE":
            return client.Reply(204, {}, b"")
        return json_reply(self.books[book_id], position=self.position)

    def _list(self, path: str, asked: Asked) -> client.Reply:
        """All books of a topic, or all topics, on one page."""
        query = dict(parse_qsl(asked.path.partition("?")[2]))
        books = [book for book in self.books.values() if query.get("topic") in (None, book["topic"])]
        counted = Counter(book["topic"] for book in books)
        topics = [{"topic": topic, "titles": titles} for topic, titles in counted.most_common()]
        results = books if path == "/api/v1/books/" else topics
        page = {"count": len(results), "next": None, "previous": None, "results": results, "path": asked.path}
        return json_reply({**page, **self.page}, position=self.position)

    def _titles(self, topic: str) -> client.Reply:
        found = [{"id": book["id"], "title": book["title"]} for book in self.books.values() if book["topic"] == topic]
        return json_reply(
            {"count": len(found), "next": None, "previous": None, "results": found}, position=self.position
        )

    def put(self, book_id: int, **fields: Any) -> Invalidation:
        """Changes a book, and returns what the fronts have to hear of it."""
        self.position += 1
        before = self.books.get(book_id, {"id": book_id, "title": f"Book {book_id}", "topic": "things"})
        self.books[book_id] = {**before, **fields}
        return Invalidation(self.position, [f"book:{book_id}", f"topic:{self.books[book_id]['topic']}"], "hash")

    def asked_of(self, prefix: str) -> list[str]:
        """The nodes that were asked for paths that begin so, in order."""
        return [asked.node for asked in self.asked if asked.path.startswith(prefix)]


def refuse(asked: Asked) -> client.Reply:
    raise client.NeverSent(asked.node)


def hang_up(asked: Asked) -> client.Reply:
    raise client.NoAnswer(asked.node)


def answer_with(reply: client.Reply) -> Behaviour:
    return lambda asked: reply


_made: list[Front] = []


def make_front(store: Store, cache: Cache | None = None, *, is_leased: bool = True) -> Front:
    """A front before those replicas, with a lease unless told otherwise."""
    front = runtime.build(NODES["front"], call=store, cache=lru() if cache is None else cache)
    _made.append(front)
    front.catalog.balancer.sleep = front.order.balancer.sleep = lambda seconds: None
    if is_leased:
        lease(front, store)
        front.coherence.lease_until = float("inf")  # However slow the test may be.
    return front


def stop_fronts() -> None:
    """Ends the threads of all that `make_front` made."""
    while _made:
        _made.pop().stop()


def lease(front: Front, store: Store, **changes: Any) -> None:
    """One poll and its answer."""
    poll = front.coherence.next_poll()
    front.coherence.polled(poll, poll_answer(poll, store.position, **changes))


def poll_answer(poll: SentPoll, position: int, **changes: Any) -> PollAnswer:
    members: dict[str, Any] = {
        "timeline": TIMELINE,
        "position": position,
        "is_renewed": True,
        "is_base": poll.since is None,
        **changes,
    }
    return PollAnswer(**members)


def push(front: Front, change: Invalidation) -> None:
    front.coherence.pushed(Push(TIMELINE, invalidate=[change]))


def push_set(front: Front, position: int, key: str, data: Any) -> None:
    front.coherence.pushed(Push(TIMELINE, sets=[(position, key, canonical_json(data))], replica="catalog-1"))


def parsed(body: bytes) -> Any:
    return json.loads(body)
