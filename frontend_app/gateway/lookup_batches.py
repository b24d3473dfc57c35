"""Looks entries up in a shared cache for the event loop, which goes on meanwhile: many requests in one lookup."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from frontend_app.cache.coherence import View
from frontend_app.cache.entries import Ready
from frontend_app.cache.reads import CachedReads
from frontend_app.cache.shared.cache import SharedCache
from frontend_app.cache.shared.lookups import Found

WAITING_AT_MOST = 1000


@dataclass(frozen=True)
class _Waiter:
    key: str
    view: View
    entry: asyncio.Future[Ready | None]


class LookupBatcher:
    """One lookup is under way at a time; what is wanted meanwhile goes into the next. For the event loop only.

    Each waiter's view (lease, floor) is taken before the lookup that finds its entry begins.
    """

    def __init__(self, reads: CachedReads, cache: SharedCache) -> None:
        self._reads = reads
        self._cache = cache
        self._waiting: list[_Waiter] = []
        self._is_out = False

    async def find(self, key: str, floor_key: str) -> Ready | None:
        """The entry that may be served, counted as a hit; None if it isn't there, or can't be had in time."""
        view = self._reads.coherence.view(floor_key)
        if not view.is_leased or not self._cache.is_used() or len(self._waiting) >= WAITING_AT_MOST:
            return None
        entry: asyncio.Future[Ready | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiter(key, view, entry))
        if not self._is_out:
            self._is_out = True
            # With the other requests that the loop has to hand now.
            asyncio.get_running_loop().call_soon(self._send)
        return await entry

    def _send(self) -> None:
        waiters, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._cache.wait_s, self._late, waiters)

        def answer(found: Found) -> None:
            """In the thread of the lookup."""
            with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(arrived, found)

        def arrived(found: Found) -> None:
            timer.cancel()
            self._tell(waiters, found)
            self._next()

        if not self._cache.ask(list({waiter.key: None for waiter in waiters}), answer):
            arrived({})

    def _next(self) -> None:
        if self._waiting:
            self._send()
        else:
            self._is_out = False

    def _tell(self, waiters: Sequence[_Waiter], found: Found) -> None:
        for waiter in waiters:
            if not waiter.entry.done():
                waiter.entry.set_result(self._reads.judge(waiter.view, found.get(waiter.key)))

    def _late(self, waiters: Sequence[_Waiter]) -> None:
        self._cache.gave_up()
        # Nor do those wait who came meanwhile: their lookup can't begin before this one has come back.
        meanwhile, self._waiting = self._waiting, []
        self._tell([*waiters, *meanwhile], {})
