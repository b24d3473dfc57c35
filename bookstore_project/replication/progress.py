"""How far long work is: told in parts, for whoever wants to show it."""

import logging
from collections.abc import Callable

logger = logging.getLogger("bookstore.replication")

Progress = Callable[[str, float], None]
"""Told what is done (`copying catalog-2`), and the part of it that is, 0 to 1. Work of a moment tells nothing."""


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
