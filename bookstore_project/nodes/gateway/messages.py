"""An HTTP request and its answer, as the gateway's parts hand them to one another."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, Any

from bookstore_project.api import csp, etags, headers, privacy, problem_pages, problems
from bookstore_project.api.renderers import canonical_json
from bookstore_project.settings import topology

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PIECE_BYTES = 256 * 1024
"""Of a large file, what is in memory at a time; smaller ones are sent at once."""
NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True)
class Incoming:
    """A request without its body. Header names are in lower case; what was sent twice is joined."""

    scope: Scope
    method: str
    path: str
    query: str
    headers: dict[str, str]

    @classmethod
    def of(cls, scope: Scope) -> "Incoming":
        query: bytes = scope.get("query_string", b"")
        return cls(scope, scope["method"], scope["path"], query.decode("latin-1"), _joined_headers(scope["headers"]))

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    @property
    def has_body(self) -> bool:
        return self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers

    @property
    def declared_length(self) -> int:
        """0 if the client didn't say, or said nonsense."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else 0


def _joined_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("latin-1")
        if name in joined:
            # With a space, which no idempotency key, id or number has: two of those are none.
            separator = "; " if name == "cookie" else ", "
            value = joined[name] + separator + value
        joined[name] = value
    return joined


RawHeaders = list[tuple[bytes, bytes]]


def raw_headers(named: Iterable[tuple[str, str]]) -> RawHeaders:
    """Headers as ASGI wants them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named]


@dataclass(slots=True)
class Outgoing:
    """An answer."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    rest: IO[bytes] | None = None
    """Of a large file, what comes after `body`: it is read when it is sent, and closed then."""

    async def send(self, send: Send, method: str) -> None:
        raw = raw_headers(self.headers)
        try:
            await send({"type": "http.response.start", "status": self.status, "headers": raw})
            body = b"" if method == "HEAD" or self.status in NO_BODY else self.body
            if self.rest is not None and body:
                body = await self._send_pieces(send, self.rest, body)
            await send({"type": "http.response.body", "body": body, "more_body": False})
        finally:
            if self.rest is not None:
                self.rest.close()

    async def _send_pieces(self, send: Send, rest: IO[bytes], piece: bytes) -> bytes:
        """All but the last one, which it gives back. Reading a disk is no work for the event loop."""
        while following := await asyncio.to_thread(rest.read, PIECE_BYTES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = following
        return piece


def problem(code: str, detail: str, request_id: str, accept: str = "") -> Outgoing:
    """A problem document, or a page for who prefers one, with the headers of every answer of this node.

    For what never gets to Django. `accept`: the client's header.
    """
    status = problems.TITLES[code][0]
    content_type, body = _told(code, detail, request_id, accept)
    named = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        (headers.REPLICA, topology.NODE.name if topology.NODE else topology.FRONT),
        (headers.REQUEST_ID, request_id),
        (headers.SERVER_TIMING, "app;dur=0.0"),
        ("ETag", etags.etag_of(body)),
        ("X-Content-Type-Options", "nosniff"),
        (csp.HEADER, csp.POLICY),
        ("Cache-Control", privacy.CACHE_CONTROL),
        ("Vary", ", ".join(privacy.VARY)),
    ]
    if topology.NODE is None or topology.NODE.service == topology.FRONT:
        named.append((headers.CACHE, "bypass"))
    if (wait_s := problem_pages.wait_of(code)) is not None:
        named.append(("Retry-After", str(wait_s)))
    return Outgoing(status, named, body)


def _told(code: str, detail: str, request_id: str, accept: str) -> tuple[str, bytes]:
    if problem_pages.is_wanted(accept):
        with suppress(Exception):  # What is broken may be the page itself: then it is told as to programs.
            sentence = problem_pages.told(code, detail)
            text = problem_pages.page(code, sentence, request_id, problem_pages.wait_of(code))
            return problem_pages.CONTENT_TYPE, text.encode()
    return problems.CONTENT_TYPE, canonical_json(problems.document(code, detail, request_id))
