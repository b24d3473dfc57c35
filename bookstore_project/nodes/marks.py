"""Marks that all processes of the store see, whatever their host: a name, and what is said of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from django.utils.module_loading import import_string

from bookstore_project import files
from bookstore_project.settings import databases

MOST_BYTES = 1024
"""Of what a mark says."""


class Marks(Protocol):
    """Of one kind. What can't be asked or changed raises OSError."""

    def texts(self) -> Mapping[str, str]:
        """By name, what each says; a moment old, at most. Waits for nobody."""

    def has(self, name: str) -> bool:
        """Whether there is that mark now."""

    def put(self, name: str, text: str) -> None:
        """Makes it, or has it say something else."""

    def remove(self, name: str) -> None:
        """Takes it away, if it is there."""


class FileMarks:
    """A file each, in a folder of the data folder: it outlives all processes of its machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def texts(self) -> Mapping[str, str]:
        try:
            return {mark.name: _text(mark) for mark in self.folder.iterdir() if not mark.name.startswith(".")}
        except FileNotFoundError:
            return {}

    def has(self, name: str) -> bool:
        return os.path.lexists(self.folder / name)

    def put(self, name: str, text: str) -> None:
        files.write(self.folder / name, f"{text}\n".encode())

    def remove(self, name: str) -> None:
        files.remove(self.folder / name)


def _text(mark: Path) -> str:
    try:
        return files.read(mark, MOST_BYTES).decode(errors="replace").strip()
    except OSError:  # It counts all the same, however it got there.
        return ""


def marks_in(folder: Path) -> Marks:
    """Those of which files would be in that folder: on a server, their kind is called as it is."""
    found: Marks = import_string(databases.MARKS)(folder)
    return found
