"""The yardstick: an ASGI application that sends a recorded answer, on the same server as the front."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]

_recorded = json.loads(Path(os.environ["BENCHMARK_ANSWER"]).read_text())
_start = {
    "type": "http.response.start",
    "status": _recorded["status"],
    "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _recorded["headers"]],
}
_body = {"type": "http.response.body", "body": _recorded["body"].encode()}


async def application(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    """The same status, headers and body for every request."""
    await send(_start)
    await send(_body)
