"""The smallest node: ready at once, says its pid, and can be slow or die on request."""

import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from bookstore_project.cluster.process import announce
from bookstore_project.settings import topology

if topology.NODE and topology.NODE.name == os.environ.get("STUB_BROKEN"):
    raise SystemExit(3)
announce()


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(60)
    if path == "/say":
        sys.stdout.write(f"{environ['QUERY_STRING'].replace('+', ' ')}\n")
        sys.stdout.flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


async def asgi(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
