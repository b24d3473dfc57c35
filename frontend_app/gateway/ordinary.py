"""The ordinary way: Django's WSGI handler in a bounded pool of threads."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from bookstore_project.settings import topology
from frontend_app.gateway.messages import Outgoing

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

WRITES_AT_ONCE = topology.WRITES_OF_A_FRONT
SLOT_WAIT_S = 8.0
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Busy(Exception):
    """No thread was free in time; nothing was done."""


class OrdinaryWay:
    """Runs a WSGI application in threads. Requests wait for one on the event loop, where waiting costs none."""

    def __init__(self, application: WSGIApplication, threads: int, slot_wait_s: float = SLOT_WAIT_S) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="django")
        self._write_slots = asyncio.Semaphore(min(WRITES_AT_ONCE, threads))
        self._read_slots = asyncio.Semaphore(max(1, threads - WRITES_AT_ONCE))
        self._slot_wait_s = slot_wait_s

    async def answer(self, environ: dict[str, Any]) -> Outgoing:
        """Raises Busy. Once begun, the work is finished, whether the client waits for it or not."""
        slots = self._read_slots if environ["REQUEST_METHOD"] in SAFE else self._write_slots
        try:
            async with asyncio.timeout(self._slot_wait_s):
                await slots.acquire()
        except TimeoutError as error:
            raise Busy from error
        loop = asyncio.get_running_loop()
        work = self._pool.submit(_run, self._application, environ)

        def give_back(_: Future[Outgoing]) -> None:
            with suppress(RuntimeError):  # The loop is closed: nobody waits for a slot any more.
                loop.call_soon_threadsafe(slots.release)

        # With the end of the work, not of the waiting for it: a cancelled request still has its thread.
        work.add_done_callback(give_back)
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _run(application: WSGIApplication, environ: dict[str, Any]) -> Outgoing:
    answer = Outgoing(500)
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        answer.status, answer.headers = int(status.split(" ", 1)[0]), headers
        return written.append

    chunks = application(environ, start_response)
    try:
        answer.body = b"".join([*written, *chunks])
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return answer
