"""Requests to a front's gateway in this process, whole ones and others."""

import asyncio
from contextlib import suppress

from django.core.handlers.wsgi import WSGIHandler

from bookstore_project.nodes.gateway.messages import Incoming, Scope
from frontend_app.gateway.application import Gateway
from frontend_app.runtime import Front
from tests import asgi
from tests.answers import Answer
from tests.asgi import Message, scope_of

HOST = ("host", "127.0.0.1:8000")


def make_gateway(front: Front, threads: int = 8, body_timeout_s: float = 20) -> Gateway:
    return Gateway(WSGIHandler(), lambda: front, threads, lambda: None, body_timeout_s)


def incoming(method: str, target: str, sent: list[tuple[str, str]]) -> Incoming:
    return Incoming.of(scope_of(method, target, sent))


async def ask(gateway: Gateway, method: str, target: str, *more: tuple[str, str], body: bytes = b"") -> Answer:
    """A whole request and its whole answer."""
    length = [("content-length", str(len(body)))] if body else []
    sent = [*([] if any(name == "host" for name, _ in more) else [HOST]), *length, *more]
    return await converse(gateway, scope_of(method, target, sent), [body])


async def converse(
    gateway: Gateway, scope: Scope, chunks: list[bytes], *, is_whole: bool = True, then: Message | None = None
) -> Answer:
    """The answer to a request whose body arrives in those chunks, and then ends, breaks off (`then`) or stalls."""
    waiting: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if is_whole:
        waiting[-1]["more_body"] = False
    if then is not None:
        waiting.append(then)
    return await asgi.converse(gateway, scope, waiting)


def stalled(gateway: Gateway, target: str) -> asyncio.Task[Answer]:
    """A request of whose body one half was sent, and nothing after that."""
    scope = scope_of("POST", target, [HOST, ("content-length", "100"), ("content-type", "application/json")])
    return asyncio.create_task(converse(gateway, scope, [b'{"book":'], is_whole=False))


async def end(tasks: list[asyncio.Task[Answer]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
