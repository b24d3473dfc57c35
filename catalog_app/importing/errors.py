"""Why a file, or one row of it, isn't imported."""

from collections.abc import Sequence


class ImportRefused(Exception):
    """The whole import can't begin or can't go on; the message is a sentence for the one who started it."""


class RowRejected(Exception):
    """One row isn't imported; the others are. `reasons` has all of them."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
