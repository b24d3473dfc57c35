"""What is left of a disk after a power cut: what was synced, and of the rest any part, as chance has it."""

import marshal
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.simulation.disk import SECTOR, Change, Record

WAYS = ("nothing", "all", "some", "a beginning")
"""What is left of a file's writes that weren't synced."""


def cut(data: Path, notes: Path, chance: random.Random) -> list[str]:
    """Nobody may write meanwhile. What was lost, for people."""
    told = []
    for path in sorted([*data.rglob("*"), *(notes / "kept").iterdir()]):
        if path.is_file() and not path.is_symlink():
            note = notes / str(path.stat().st_ino)
            records: list[Record] = list(_read(note))
            note.unlink(missing_ok=True)
            if records and (way := chance.choice(WAYS)) != "all":
                _rewrite(path, left_of(path.read_bytes(), records, way, chance))
                told.append(f"{path.relative_to(notes.parent)}: {way} of {len(records)}")
    changes: dict[str, list[Change]] = {}
    for folder, *change in _read(notes / "folders"):
        if change[0] == "sync":
            changes.pop(folder, None)
        else:
            changes.setdefault(folder, []).append(tuple(change))
    for _, made in sorted(changes.items()):
        kept = chance.choice((0, len(made), chance.randint(0, len(made))))
        for change in reversed(made[kept:]):
            _undo(change)
            told.append(f"undone: {change[0]} {_name_of(change)}")
    for note in notes.iterdir():
        if note.is_file():
            note.unlink()
    return told


def left_of(content: bytes, records: Sequence[Record], way: str, chance: random.Random) -> bytes:
    """A file's content, if of these writes, which made it what it is, that is left."""
    left = bytearray(content)
    for offset, old, new, size in reversed(records):
        if new is not None:
            left[offset : offset + len(old)] = old
            del left[size:]
        else:
            left[offset:] = old
    count = chance.randint(0, len(records)) if way == "a beginning" else 0
    for number, (offset, _, new, _) in enumerate(records):
        if number < count or (way == "some" and chance.random() < 0.5):
            _apply(left, offset, new)
        elif number == count and way == "a beginning" and new is not None:
            for at in range(0, len(new), SECTOR):
                if chance.random() < 0.5:
                    _apply(left, offset + at, new[at : at + SECTOR])
    return bytes(left)


def _apply(content: bytearray, offset: int, new: bytes | None) -> None:
    if new is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(new)] = new


def _rewrite(path: Path, content: bytes) -> None:
    """As if it had never been otherwise: its times stay."""
    about = path.stat()
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _name_of(change: Change) -> str:
    """Without a draft's, in which stands the number of whatever process wrote it."""
    name = Path(change[2 if change[0] == "rename" else 1]).name
    return "a draft" if name.startswith(".") else name


def _undo(change: Change) -> None:
    # What another fault has taken away meanwhile stays away.
    kind, *names = change
    with suppress(OSError):
        if kind == "create":
            Path(names[0]).unlink()
        elif kind == "unlink" and names[1]:
            os.link(names[1], names[0])
        elif kind == "rename":
            Path(names[1]).replace(names[0])
            if names[2]:
                os.link(names[2], names[1])


def _read(path: Path) -> Iterator[Any]:
    with suppress(FileNotFoundError), path.open("rb") as file:
        while True:
            try:
                yield marshal.load(file)
            except EOFError:
                return
