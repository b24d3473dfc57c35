"""A client that speaks ASGI to the gateway, as granian does."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.core.handlers.wsgi import WSGIHandler

from bookstore_project.nodes.gateway.messages import Incoming, Scope
from frontend_app.gateway.application import Gateway
from frontend_app.runtime import Front
from tests.waiting import PATIENCE_S

Message = MutableMapping[str, Any]
HOST = ("host", "127.0.0.1:8000")


@dataclass
class Got:
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def make_gateway(front: Front, threads: int = 8, body_timeout_s: float = 20) -> Gateway:
    return Gateway(WSGIHandler(), lambda: front, threads, lambda: None, body_timeout_s)


def scope_of(method: str, target: str, sent: list[tuple[str, str]]) -> Scope:
    raw_path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


def incoming(method: str, target: str, sent: list[tuple[str, str]]) -> Incoming:
    return Incoming.of(scope_of(method, target, sent))


async def ask(gateway: Gateway, method: str, target: str, *more: tuple[str, str], body: bytes = b"") -> Got:
    """A whole request and its whole answer."""
    length = [("content-length", str(len(body)))] if body else []
    sent = [*([] if any(name == "host" for name, _ in more) else [HOST]), *length, *more]
    return await converse(gateway, scope_of(method, target, sent), [body])


async def converse(
    gateway: Gateway, scope: Scope, chunks: list[bytes], *, is_whole: bool = True, then: Message | None = None
) -> Got:
    """The answer to a request whose body arrives in those chunks, and then ends, breaks off (`then`) or stalls."""
    waiting: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if is_whole:
        waiting[-1]["more_body"] = False
    if then is not None:
        waiting.append(then)
    got = Got(0, {}, b"")

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            got.body += message.get("body", b"")

    await gateway(scope, receive, send)
    return got


def stalled(gateway: Gateway, target: str) -> asyncio.Task[Got]:
    """A request of whose body one half was sent, and nothing after that."""
    scope = scope_of("POST", target, [HOST, ("content-length", "100"), ("content-type", "application/json")])
    return asyncio.create_task(converse(gateway, scope, [b'{"book":'], is_whole=False))


async def end(tasks: list[asyncio.Task[Got]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Runs a coroutine that makes its own assertions."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await test()

    asyncio.run(bounded())
