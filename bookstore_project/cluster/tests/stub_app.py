"""The smallest node: ready at once, says its pid, and can be slow or die on request."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bookstore_project.cluster.process import announce
from bookstore_project.settings import topology

if topology.NODE and topology.NODE.name == os.environ.get("STUB_BROKEN"):
    raise SystemExit(3)
announce()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.to_thread(time.sleep, 60)
    if scope["path"] == "/say":
        sys.stdout.write(f"{scope['query_string'].decode().replace('+', ' ')}\n")
        sys.stdout.flush()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
