"""How the demo speaks: headings, sentences, findings, and rows of two databases side by side."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

INDENT = "    "
NUMBER = re.compile(r"-?\d+(\.\d+)?")
BOLD, DIM, GREEN, RED = "1", "2", "32", "31"

Row = tuple[Any, ...]


class NotSo(AssertionError):
    """What the demo was about to show isn't the case."""


class Teller:
    """Writes line by line, in colours on a terminal only (and none if NO_COLOR is set)."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._has_colours = out.isatty() and "NO_COLOR" not in os.environ
        self._headings = 0
        self.findings = 0
        self.heard: Callable[[], object] = int
        """Called whenever something was said."""

    def heading(self, text: str) -> None:
        self._headings += 1
        self._line("")
        self._line(self._coloured(f"{self._headings}. {text}", BOLD))

    def say(self, text: str) -> None:
        self._line(f"   {text}")

    def expect(self, is_so: object, text: str) -> None:
        """Says a finding. Raises NotSo with it if it isn't so."""
        if not is_so:
            self._line(self._coloured(f"   ✗ {text}", RED))
            raise NotSo(text)
        self.findings += 1
        self._line(f"   {self._coloured('✓', GREEN)} {text}")

    def side_by_side(self, title: str, columns: Sequence[str], rows: dict[str, list[Row]]) -> None:
        """The rows of each database under its name, one database beside the other."""
        self._line(self._coloured(f"{INDENT}{title}", DIM))
        blocks = [table(name, columns, found) for name, found in rows.items()]
        height = max(len(block) for block in blocks)
        for number in range(height):
            cells = [block[number] if number < len(block) else " " * len(block[0]) for block in blocks]
            self._line(f"{INDENT}{'  │  '.join(cells)}".rstrip())
        self._line("")

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._has_colours else text

    def _line(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()
        self.heard()


def table(name: str, columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Lines of equal width: the name, the columns, the rows. Numbers, also those in a string, stand to the right."""
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [
        max(len(column), *(len(row[at]) for row in cells)) if cells else len(column)
        for at, column in enumerate(columns)
    ]
    is_number = [bool(cells) and all(NUMBER.fullmatch(row[at]) for row in cells) for at in range(len(columns))]
    lines = [name, _aligned(columns, widths, is_number), *(_aligned(row, widths, is_number) for row in cells)]
    if not rows:
        lines.append("(no row)")
    width = max(len(line) for line in lines)
    return [line.ljust(width) for line in lines]


def _aligned(row: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    cells = [
        text.rjust(width) if right else text.ljust(width)
        for text, width, right in zip(row, widths, is_number, strict=True)
    ]
    return "  ".join(cells)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
