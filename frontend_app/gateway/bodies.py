"""Reads request bodies on the event loop: bounded in size and in time, at no thread's cost."""

import asyncio
from contextlib import suppress

from frontend_app.gateway.messages import Incoming, Receive

BODY_TIMEOUT_S = 20.0
"""For a whole body."""
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_PAUSE_S = 0.25


class TooLarge(Exception):
    """The body is, or would be, larger than allowed."""


class TooSlow(Exception):
    """The body didn't arrive in time."""


class Gone(Exception):
    """The client went away."""


async def read_body(request: Incoming, receive: Receive, limit: int, timeout_s: float) -> bytes:
    """The whole body. Raises TooLarge (as soon as that is known), TooSlow, Gone."""
    if not request.has_body:
        return b""
    try:
        async with asyncio.timeout(timeout_s):
            if request.declared_length > limit:
                await _drain(receive)
                raise TooLarge
            return await _collect(receive, limit)
    except TimeoutError as error:
        raise TooSlow from error


async def _collect(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk, is_last = await _next(receive)
        size += len(chunk)
        if size > limit:
            if not is_last:
                await _drain(receive)
            raise TooLarge
        chunks.append(chunk)
        if is_last:
            return b"".join(chunks)


async def _drain(receive: Receive) -> None:
    # A client that is still sending when the connection closes may never read the answer. One that sends
    # steadily is heard out, within reason; one that pauses is answered at once.
    left = DRAIN_BYTES
    with suppress(TimeoutError):
        while left > 0:
            async with asyncio.timeout(DRAIN_PAUSE_S):
                chunk, is_last = await _next(receive)
            left -= len(chunk)
            if is_last:
                return


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), not message.get("more_body", False)
