"""Uploads that are kept for a while: what was previewed is what is imported, and rejected rows can be fetched.

A browser doesn't send a file twice by itself. The files lie under `var/uploads`, one folder each, for the one who
sent them; they are no part of the store's data, and whoever finds his gone chooses the file again.
"""

import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from bookstore_project.settings import topology

MOST_HELD = 20
"""Uploads; the oldest goes first."""
HELD_S = 24 * 3600.0
_TOKEN = re.compile("[0-9a-f]{32}")
_CONTENT, _NAME, _REJECTED = "content", "name", "rejected.csv"


@dataclass(frozen=True)
class Held:
    """An upload that is kept: `token` names it in forms and addresses."""

    token: str
    folder: Path

    @property
    def name(self) -> str:
        return (self.folder / _NAME).read_text(encoding="utf-8")

    @property
    def content(self) -> Path:
        return self.folder / _CONTENT

    @property
    def rejected(self) -> Path:
        """Where its rejected rows are, if it has any."""
        return self.folder / _REJECTED


def hold(content: bytes, name: str, owner: int) -> Held:
    """Keeps an upload of that account; forgets old ones."""
    _sweep()
    token = secrets.token_hex(16)
    held = Held(token, _folder() / f"{owner}-{token}")
    held.folder.mkdir(mode=0o700, parents=True)
    held.content.write_bytes(content)
    (held.folder / _NAME).write_text(name, encoding="utf-8", errors="replace")
    return held


def find_held(token: str, owner: int) -> Held | None:
    """The upload of that token and account; None if there is none any more."""
    held = Held(token, _folder() / f"{owner}-{token}")
    return held if _TOKEN.fullmatch(token) and held.content.exists() else None


def _folder() -> Path:
    return topology.DATA / "uploads"


def _sweep() -> None:
    if not _folder().exists():
        return
    aged = sorted((entry.stat().st_mtime, entry) for entry in _folder().iterdir())
    too_many = len(aged) - MOST_HELD + 1
    for number, (changed, entry) in enumerate(aged):
        if number < too_many or time.time() - changed > HELD_S:
            shutil.rmtree(entry, ignore_errors=True)
