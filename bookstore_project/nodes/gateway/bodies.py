"""Reads request bodies on the event loop: bounded in size and in time, at no thread's cost."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bookstore_project.nodes.garbage import Bodies
from bookstore_project.nodes.gateway.messages import Incoming, Receive

BODY_TIMEOUT_S = 20.0
"""For a whole body."""
TOTAL_BYTES = 64 * 1024 * 1024
"""Of all bodies that are on their way or being worked on."""
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_PAUSE_S = 0.25
_READ = Bodies()


class TooLarge(Exception):
    """The body is, or would be, larger than allowed."""


class TooSlow(Exception):
    """The body didn't arrive in time."""


class TooManyBodies(Exception):
    """Together with all the others the body would take more memory than there is for bodies."""


class IncompleteBody(Exception):
    """The body ended before it was complete, or its chunks can't be read."""


Take = Callable[[int], None]


class Budget:
    """How many bytes of bodies may be held at once. Belongs to one event loop: not thread-safe."""

    def __init__(self, size_bytes: int) -> None:
        self.left_bytes = size_bytes

    @contextmanager
    def share(self) -> Iterator[Take]:
        """Gives what a request asks for its bytes with, before it keeps them: raises TooManyBodies.

        All of them are given back at the end.
        """
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if size > self.left_bytes:
                raise TooManyBodies
            self.left_bytes -= size
            taken += size

        try:
            yield take
        finally:
            self.left_bytes += taken


def boundless(size: int) -> None:
    """For bodies that strangers mustn't be able to crowd out."""


async def read_body(
    request: Incoming, receive: Receive, limit: int, timeout_s: float, take: Take, *, is_cut: bool = False
) -> bytes:
    """The whole body, paid for with `take`.

    Raises TooLarge (as soon as that is known), TooManyBodies, TooSlow, IncompleteBody.

    With `is_cut`, a body that is larger than `limit` comes cut one byte beyond it, for somebody else to refuse.
    """
    if not request.has_body:
        return b""
    try:
        async with asyncio.timeout(timeout_s):
            if request.declared_length > limit and not is_cut:
                await _drain(receive)
                raise TooLarge
            body = await _collect(receive, limit, take, is_cut=is_cut)
            _READ.read(len(body))
            return body
    except TimeoutError as error:
        raise TooSlow from error


async def _collect(receive: Receive, limit: int, take: Take, *, is_cut: bool) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk, is_last = await _next(receive)
        size += len(chunk)
        if size > limit:
            if not is_last:
                await _drain(receive)
            if is_cut:
                return b"".join([*chunks, chunk])[: limit + 1]
            raise TooLarge
        take(len(chunk))
        chunks.append(chunk)
        if is_last:
            return b"".join(chunks)


async def _drain(receive: Receive) -> None:
    # A client that is still sending when the connection closes may never read the answer. One that sends
    # steadily is heard out, within reason; one that pauses is answered at once.
    left = DRAIN_BYTES
    with suppress(TimeoutError, IncompleteBody):
        while left > 0:
            async with asyncio.timeout(DRAIN_PAUSE_S):
                chunk, is_last = await _next(receive)
            left -= len(chunk)
            if is_last:
                return


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise IncompleteBody
    return message.get("body", b""), not message.get("more_body", False)
