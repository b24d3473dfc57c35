"""The log of a server: what was committed, in order, before anybody sees it; a standby has the same one."""

import marshal
from collections.abc import Iterator
from pathlib import Path

Record = tuple[int, str, list[tuple[str, str]]]
"""Its number; of which database; statements, each with the file that it changes: rows, or leases."""


class Wal:
    """In a file: what was added is there after the process was killed."""

    def __init__(self, path: Path) -> None:
        self.records = list(_read(path))
        self._file = path.open("ab")

    @property
    def end(self) -> int:
        """The number of the newest record."""
        return self.records[-1][0] if self.records else 0

    def add(self, record: Record) -> None:
        self._file.write(marshal.dumps(record))
        self._file.flush()
        self.records.append(record)

    def after(self, number: int) -> list[Record]:
        return [record for record in self.records if record[0] > number]


def _read(path: Path) -> Iterator[Record]:
    if path.exists():
        with path.open("rb") as file:
            while file.peek(1):
                yield marshal.load(file)
