"""What an import shows: one line renewed in place on a terminal, else a line now and then."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from bookstore_project.clock import Clock

TERMINAL_EVERY_S = 0.1
PLAIN_EVERY_S = 2.0
_CLEAR_LINE = "\r\x1b[K"


class Out(Protocol):
    """A text stream, such as a management command's."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


@dataclass
class Totals:
    """What became of the rows so far."""

    rows: int = 0
    imported: int = 0
    updated: int = 0
    present: int = 0
    repeated: int = 0
    rejected: int = 0
    rebuilt: int = 0
    unsound: int = 0
    shared: int = 0
    """Rows whose ISBN-13 belongs to another row's book."""
    noted: int = 0
    """What was left out of rows that went in."""
    blank: int = 0
    """Rows with nothing in any column that counts."""
    retired: int = 0
    """Rows of an export whose books were retired."""
    by_default: Counter[str] = field(default_factory=Counter)
    """For topic, price and quantity, the new books that the file says none for."""
    currencies: Counter[str] = field(default_factory=Counter)
    """Of the prices, as the file names them."""


class Progress:
    """Shows totals while they grow, not more often than anyone can read."""

    def __init__(
        self,
        out: Out,
        *,
        is_quiet: bool,
        clock: Clock = time.monotonic,
        done: str = "imported",
    ) -> None:
        """`done` is what the line calls the rows that are new."""
        self._done = done
        self._out = out
        self._is_quiet = is_quiet
        self._is_terminal = out.isatty()
        self._clock = clock
        self._started = self._shown = clock()
        self._is_line_open = False

    @property
    def seconds(self) -> float:
        return self._clock() - self._started

    def show(self, totals: Totals, fraction: float) -> None:
        every_s = TERMINAL_EVERY_S if self._is_terminal else PLAIN_EVERY_S
        if self._is_quiet or self._clock() - self._shown < every_s:
            return
        self._shown = self._clock()
        line = (
            f"{fraction:4.0%}  {totals.rows:,} rows, {totals.rows / max(self.seconds, 0.001):,.0f} rows/s: "
            f"{totals.imported:,} {self._done}, {totals.rejected:,} rejected"
        )
        self._out.write(f"{_CLEAR_LINE}{line}" if self._is_terminal else f"{line}\n")
        self._is_line_open = self._is_terminal
        self._out.flush()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._is_quiet:
            return
        self.clear()
        self._out.write(f"{text}\n")
        self._out.flush()

    def clear(self) -> None:
        """Takes the line off the terminal that the next one would be written behind."""
        if self._is_line_open:
            self._out.write(_CLEAR_LINE)
            self._is_line_open = False


def summary(totals: Totals, seconds: float, rejects: str) -> list[str]:
    """The last lines: what was done, in words."""
    rate = f", {totals.rows / seconds:,.0f} rows/s" if seconds > 0 else ""
    parts = [f"{totals.imported:,} imported", f"{totals.present:,} already there"]
    if totals.updated:
        parts.append(f"{totals.updated:,} updated")
    if totals.repeated:
        parts.append(f"{totals.repeated:,} repeated within the file")
    if totals.blank:
        parts.append(f"{totals.blank:,} blank in all columns that count")
    if totals.retired:
        parts.append(f"{totals.retired:,} retired and left out")
    parts.append(f"{totals.rejected:,} rejected" + (f" (see {rejects})" if totals.rejected else ""))
    rows = "row" if totals.rows == 1 else "rows"
    return [f"{totals.rows:,} {rows} in {seconds:.1f} s{rate}: {', '.join(parts)}.", *remarks(totals)]


def remarks(totals: Totals) -> list[str]:
    """What was made of cells that were blank, wrong, or in a currency."""
    isbns = [
        f"{count:,} {words}"
        for count, words in (
            (totals.rebuilt, "rebuilt from an ISBN-10"),
            (totals.unsound, "unsound and left out"),
            (totals.shared, "left out because another book of the file has it"),
        )
        if count
    ]
    lines = [f"ISBN-13: {', '.join(isbns)}."] if isbns else []
    blanks = [f"{totals.by_default[name]:,} without {name}" for name in sorted(+totals.by_default)]
    if blanks:
        lines.append(f"Blank in the file, and filled in for new books: {', '.join(blanks)}.")
    if len(totals.currencies) > 1:
        told = ", ".join(f"{count:,} in {currency}" for currency, count in sorted(totals.currencies.items()))
        lines.append(f"Prices are taken as they stand, in several currencies: {told}.")
    return lines
