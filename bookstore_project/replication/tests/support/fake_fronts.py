"""Fronts in tests: their leases, a wire that the test holds, and one that listens."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bookstore_project.api import internal_paths
from bookstore_project.replication.interface import Lease, Poll
from bookstore_project.replication.log.entries import Entry

NOW = 1000.0
LEASE_S = 1.5
POLL = Poll("front", "127.0.0.1:1", "process", LEASE_S, None, None)
HOLDER = ("front", "process")
ENTRY = Entry(7, 1, "[]", '["article:1"]', "hash of 7")
LEASE = Lease("front", "127.0.0.1:1", "process", NOW + LEASE_S, LEASE_S, None)


class Pushes:
    """Stands in for the wire to the fronts: notes what was pushed, and says whether it arrived."""

    def __init__(self) -> None:
        self.taken: dict[str, list[Mapping[str, Any]]] = {}
        self.unreachable: set[str] = set()

    def __call__(self, lease: Lease, message: Mapping[str, Any], timeout_s: float = 0) -> bool:
        if lease.front in self.unreachable or not lease.instance:
            return False
        if message["set"]:  # Offers come when they come.
            return True
        self.taken.setdefault(lease.front, []).append(message)
        return True


class ListeningFront(ThreadingHTTPServer):
    """Takes pushes as a front does, and keeps them."""

    daemon_threads = True

    def __init__(self, *, keeps_connections: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _LastingHandler if keeps_connections else _Handler)
        self.messages: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.instances: set[str | None] = set()
        self.status = 200
        self.is_dead = False
        """Whether it breaks off each call."""
        self.answer = b""

    @property
    def lease(self) -> Lease:
        return replace(LEASE, address=f"127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    server: ListeningFront

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == internal_paths.PUSH:
            self.server.tokens.add(self.headers["X-Service-Token"])
            self.server.instances.add(self.headers["X-Front-Instance"])
            self.server.messages.append(json.loads(body))
        if self.server.is_dead:
            self.close_connection = True
            return
        answer = self.server.answer  # One and the same, whatever the test says next.
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _LastingHandler(_Handler):
    protocol_version = "HTTP/1.1"


@contextmanager
def listening(*, keeps_connections: bool = False) -> Iterator[ListeningFront]:
    with ListeningFront(keeps_connections=keeps_connections) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
