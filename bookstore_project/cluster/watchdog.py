"""Notices a node that lives and doesn't answer any more: it was stopped, or it is stuck."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bookstore_project.clock import Clock

CHECKS = 6
"""So many checks in a row have to fail."""
LONGEST_WAIT_S = 2.0
LATE_S = 0.5
"""A check that took so much longer than it should was made by a watcher that didn't have its time."""

IsSilent = Callable[[float], Awaitable[bool]]
"""Whether the node gives no answer within so many seconds."""


class Watchdog:
    """Of one process of a node, from its start. Nothing is held against it before its first answer, or `is_up`.

    What counts is the time that the watcher itself had: where the machine slept, or was so busy that the watcher came
    late, the node may have been as badly off, and the count begins anew.
    """

    def __init__(
        self,
        hung_after_s: float,
        is_silent: IsSilent,
        *,
        is_up: Callable[[], bool] = lambda: False,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._round_s = hung_after_s / CHECKS
        self._is_silent = is_silent
        self._is_up = is_up
        self._clock = clock
        self._sleep = sleep

    async def until_hung(self) -> None:
        """Returns when an answer is overdue by `hung_after_s` seconds; never if those are 0."""
        if not self._round_s:
            await asyncio.Event().wait()
        has_answered, failed = False, 0
        while failed < CHECKS:
            is_silent, is_late = await self._check()
            has_answered = has_answered or not is_silent or self._is_up()
            failed = failed + 1 if has_answered and is_silent and not is_late else 0
            if not is_silent:
                await self._sleep(self._round_s)  # A node that is well is asked half as often.

    async def _check(self) -> tuple[bool, bool]:
        """One check, and the time up to the next: whether the node was silent, and whether that took too long."""
        began = self._clock()
        is_silent = await self._is_silent(min(LONGEST_WAIT_S, self._round_s))
        await self._sleep(max(0.0, self._round_s - (self._clock() - began)))
        return is_silent, self._clock() - began > self._round_s + LATE_S
