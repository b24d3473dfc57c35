"""A client that speaks ASGI to a gateway in this process, as granian does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote

from bookstore_project.nodes.gateway.messages import Scope
from tests.answers import Answer
from tests.waiting import PATIENCE_S

Message = MutableMapping[str, Any]
Gateway = Callable[..., Awaitable[None]]


def scope_of(method: str, target: str, sent: Iterable[tuple[str, str]]) -> Scope:
    raw_path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


async def converse(gateway: Gateway, scope: Scope, messages: Iterable[Message]) -> Answer:
    """The answer to a request of which these messages arrive, and then nothing."""
    waiting = list(messages)
    status, headers, body = 0, {}, b""

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status, headers, body
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            body += message.get("body", b"")

    await gateway(scope, receive, send)
    return Answer("", scope["method"], scope["path"], status, headers, body)


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Runs a coroutine that makes its own assertions."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await test()

    asyncio.run(bounded())
