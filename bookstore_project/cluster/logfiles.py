"""Keeps what a node writes: var/log/<node>.log, and one older file."""

import os
from pathlib import Path
from typing import BinaryIO

from bookstore_project import files

LARGEST_BYTES = 10 * 1024 * 1024


class LogFile:
    """A file that is appended to, and put aside as `<name>.1` before it grows beyond `largest_bytes`.

    Losing log lines is better than stopping the store: what can't be written (a full disk) is left out.
    """

    def __init__(self, path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._path = path
        self._largest_bytes = largest_bytes
        self._file: BinaryIO | None = None

    def write(self, line: bytes) -> None:
        """Appends a line, which comes without its end."""
        try:
            file = self._file = self._file or self._open()
            if file.tell() and file.tell() + len(line) >= self._largest_bytes:
                self.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                file = self._file = self._open()
            file.write(line + b"\n")
        except OSError:
            self.close()

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        return os.fdopen(files.open_to_append(self._path), "ab", buffering=0)
