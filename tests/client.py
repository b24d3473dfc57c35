"""A small HTTP client that sends what it is told, however odd, and keeps what came back.

It follows no redirect, retries nothing, and hides nothing.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Self

from tests.answers import Answer
from tests.connection import Kept
from tests.contract.openapi import Contract
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

TIMEOUT_S = PATIENCE_S
CHUNK = 64 * 1024


@dataclass
class Request:
    """One request, ready to be sent."""

    method: str
    path: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    is_chunked: bool = False


class Client:
    """Talks to one node, with one connection for each request or (`keep_alive`) one for all."""

    def __init__(
        self, store: Store, node: str = "front", *, recorder: list[Answer] | None = None, keep_alive: bool = False
    ) -> None:
        self.store = store
        self.node = node
        self.recorder = recorder
        self._keep_alive = keep_alive
        self._kept = Kept(store.addresses[node], TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._kept.close()

    @property
    def is_connected(self) -> bool:
        return self._kept.is_open

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, as_staff: bool = False) -> Answer:
        return self.call("GET", path, headers=headers, as_staff=as_staff)

    def get_hit(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """As `get`, again and again, until the cache answers: a front that the machine holds up has no lease."""

        def hits() -> list[Answer]:
            answer = self.get(path, headers)
            return [answer] if answer.headers["x-cache"] == "hit" else []

        (hit,) = wait_for(hits, what=f"a hit of {path}")
        return hit

    def post(
        self, path: str, data: Any = None, headers: Mapping[str, str] | None = None, *, as_staff: bool = False
    ) -> Answer:
        return self.call("POST", path, data, headers, as_staff=as_staff)

    def buy(self, book: int, quantity: int = 1, *, key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/api/v1/orders/", {"book": book, "quantity": quantity}, headers)

    def buy_lines(self, lines: Iterable[tuple[int, int]], *, key: str | None = None) -> Answer:
        """One order of several books, each with its copies."""
        asked = [{"book": book, "quantity": copies} for book, copies in lines]
        return self.post("/api/v1/orders/", {"lines": asked}, {"Idempotency-Key": key} if key else {})

    def cancel(self, order: str, lines: Iterable[tuple[int, int]] = (), *, key: str | None = None) -> Answer:
        """Copies of an order, each of a book; all that are left without lines."""
        asked = [{"book": book, "quantity": copies} for book, copies in lines]
        headers = {"Idempotency-Key": key} if key else {}
        body = {"lines": asked} if asked else {}
        return self.post(f"/api/v1/orders/{order}/cancel/", body, headers, as_staff=True)

    def call(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        as_staff: bool = False,
    ) -> Answer:
        """A request with JSON, or without a body."""
        sent = list((headers or {}).items())
        if as_staff:
            sent.append(("Authorization", basic(*self.store.staff)))
        if data is None:
            return self.send(Request(method, path, sent))
        return self.send(
            Request(method, path, [("Content-Type", "application/json"), *sent], json.dumps(data).encode())
        )

    def send(self, request: Request) -> Answer:
        """Raises OSError or HTTPException if there is no answer."""
        try:
            connection = self._kept.take()
            # A server may answer, and close, before it has heard all of a body that it refuses.
            try:
                _write(connection, request)
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:  # Not even a connection.
                    raise
            answer = self._read(connection.getresponse(), request)
            self._kept.answered()
        except (OSError, HTTPException):
            self.close()
            raise
        if not self._keep_alive:
            self.close()
        if self.recorder is not None:
            self.recorder.append(answer)
        return answer

    def _read(self, response: HTTPResponse, request: Request) -> Answer:
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(self.node, request.method, request.path, response.status, headers, response.read())


def _write(connection: HTTPConnection, request: Request) -> None:
    has_host = any(name.lower() == "host" for name, _ in request.headers)
    connection.putrequest(request.method, request.path, skip_host=has_host, skip_accept_encoding=True)
    for name, value in request.headers:
        connection.putheader(name, value.encode("latin-1"))
    body = request.body
    if request.is_chunked:
        connection.putheader("Transfer-Encoding", "chunked")
    elif body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    if body is not None:
        for chunk in _chunks(body):
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk) if request.is_chunked else chunk)
    if request.is_chunked:
        connection.send(b"0\r\n\r\n")


def _chunks(body: bytes) -> Iterable[bytes]:
    return (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))


def until_answered(ask: Callable[[], Answer]) -> Answer:
    """The first answer that isn't that nobody can tell now: where a machine is slow, nodes miss their deadlines."""

    def answered() -> list[Answer]:
        answer = ask()
        return [] if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else [answer]

    (answer,) = wait_for(answered, what="an answer")
    return answer


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Shop:
    """A store, as tests talk to it: every answer is recorded, and has to be what the node's schema promises."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.recorded: list[Answer] = []
        self.front = self.client()

    def client(self, node: str = "front", *, keep_alive: bool = False) -> Client:
        return Client(self.store, node, recorder=self.recorded, keep_alive=keep_alive)

    def new_book(self, *, quantity: int, topic: str = "tests", title: str = "A book of a test") -> int:
        """A book of the test's own; its id."""
        fields = {"title": title, "topic": topic, "price": "12.50", "quantity": quantity}
        answer = self.front.post("/api/v1/books/", fields, as_staff=True)
        assert answer.status == 201, answer
        return int(answer.json["id"])

    def assert_contract_kept(self) -> None:
        """Raises AssertionError listing the answers that differ from the schema of the node that gave them."""
        contracts = {
            node: Contract.of(node, self.store.url(node)) for node in {answer.node for answer in self.recorded}
        }
        wrong = {
            f"{answer}\n    {deviation}": None  # Once each, in the order in which they came.
            for answer in self.recorded
            if (deviation := contracts[answer.node].deviation(answer))
        }
        listed = "\n".join(list(wrong)[:20])
        assert not wrong, f"{len(wrong)} of {len(self.recorded)} answers differ from the schema:\n{listed}"
