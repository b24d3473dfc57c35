"""How far long work is: told in parts, for whoever wants to show it."""

import logging
import os
import time
from collections.abc import Callable

from bookstore_project.clock import Clock
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.maintenance_log import Work

logger = logging.getLogger("bookstore.replication")

Progress = Callable[[str, float], None]
"""Told what is done (`copying catalog-2`), and the part of it that is, 0 to 1. Work of a moment tells nothing."""


NOTED_EVERY_S = 0.5
LEAST_PART = 0.01
"""Of work, to say how long the rest will take."""


def silent(what: str, part: float) -> None:
    """Nobody wants to know."""


def logged() -> Progress:
    """Logs every ten percent, once."""
    told: dict[str, int] = {}

    def tell(what: str, part: float) -> None:
        tenth = int(part * 10)
        if tenth < told.get(what, 0):
            told[what] = 0  # The same work, begun again.
        if 0 < tenth < 10 and tenth > told.get(what, 0):
            logger.info("%s: %d %%", what, tenth * 10)
        told[what] = tenth

    return tell


class Noted:
    """Tells, and notes for every process how far the work is; `clear` says that it has ended."""

    def __init__(self, service_name: str, tell: Progress, *, clock: Clock = time.monotonic) -> None:
        self._service_name = service_name
        self._tell = tell
        self._clock = clock
        self._what = ""
        self._part = self._began = self._noted = 0.0

    def __call__(self, what: str, part: float) -> None:
        self._tell(what, part)
        now = self._clock()
        is_new = what != self._what or part < self._part
        if is_new:
            self._what, self._began = what, now
        self._part = part
        if is_new or now - self._noted >= NOTED_EVERY_S:
            self._noted = now
            left_s = (now - self._began) * (1 - part) / part if part >= LEAST_PART and not is_new else None
            rounded = None if left_s is None else round(left_s, 1)
            maintenance_log.note_work(
                self._service_name, Work(what=what, part=round(part, 3), left_s=rounded, pid=os.getpid())
            )

    def clear(self) -> None:
        if self._what:
            maintenance_log.clear_work(self._service_name)
        self._what = ""
