"""Somebody who watches a front's feed, in this process, as a browser does."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from frontend_app.gateway.application import Gateway
from frontend_app.tests.support.asgi import HOST
from tests.asgi import Message, scope_of
from tests.waiting import PATIENCE_S

FEED = "/cluster/feed/"


@dataclass
class Told:
    """A message of the stream."""

    event: str
    data: dict[str, Any]
    identity: str


@dataclass
class Watcher:
    """Reads all that comes, or nothing more once `reads` is cleared. An async context manager; it goes at the end."""

    gateway: Gateway
    sent: tuple[tuple[str, str], ...] = ()
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    is_over: bool = False
    """Whether the front has ended it."""
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self.reads.set()
        scope = scope_of("GET", FEED, [HOST, *self.sent])
        self._task = asyncio.create_task(self.gateway(scope, self._receive, self._send))
        await self.until(lambda told: bool(told) or self.is_over)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        self.reads.set()
        await self._task

    @property
    def told(self) -> list[Told]:
        pieces = self.text.split("\n\n")[:-1]
        named = [dict(line.split(": ", 1) for line in piece.split("\n")) for piece in pieces if "event: " in piece]
        return [Told(each["event"], json.loads(each["data"]), each.get("id", "")) for each in named]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [each.data for each in self.told if each.event == event]

    async def until(self, is_so: Callable[[list[Told]], bool]) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so(self.told):
                self._news.clear()
                await self._news.wait()

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message["body"].decode()
            self.is_over = not message.get("more_body", False)
        self._news.set()
