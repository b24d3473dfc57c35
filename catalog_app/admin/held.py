"""Uploads that are kept for a while: what was previewed is what is imported, and rejected rows can be fetched.

A browser doesn't send a file twice by itself. The files lie under `var/uploads`, one folder each, for the one who
sent them; they are no part of the store's data, and whoever finds his gone chooses the file again.
"""

import json
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bookstore_project.settings import topology

MOST_HELD = 20
"""Uploads of an account; the oldest goes first."""
HELD_S = 24 * 3600.0
_TOKEN = re.compile("[0-9a-f]{32}")
_CONTENT, _NAME, _REJECTED = "content", "name", "rejected.csv"
_DONE = "done-"


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
    _sweep(owner)
    token = new_token()
    held = Held(token, _folder() / f"{owner}-{token}")
    held.folder.mkdir(mode=0o700, parents=True)
    held.content.write_bytes(content)
    (held.folder / _NAME).write_text(name, encoding="utf-8", errors="replace")
    return held


def find_held(token: str, owner: int) -> Held | None:
    """The upload of that token and account; None if there is none any more."""
    held = Held(token, _folder() / f"{owner}-{token}")
    return held if _TOKEN.fullmatch(token) and held.content.exists() else None


def new_token() -> str:
    """Nobody can guess it."""
    return secrets.token_hex(16)


def note_done(held: Held, sending: str, told: Sequence[str]) -> None:
    """What came of that sending of the form is known from now on."""
    if _TOKEN.fullmatch(sending):
        with suppress(FileNotFoundError):  # Swept meanwhile.
            (held.folder / f"{_DONE}{sending}").write_text(json.dumps(list(told)), encoding="utf-8")


def find_done(sending: str, owner: int) -> tuple[Held, list[str]] | None:
    """The upload of a form that was sent before, and what was told then: a browser sends it again on a reload."""
    if not _TOKEN.fullmatch(sending):
        return None
    for path in _folder().glob(f"{owner}-*/{_DONE}{sending}"):
        with suppress(FileNotFoundError):
            return Held(path.parent.name.partition("-")[2], path.parent), json.loads(path.read_text(encoding="utf-8"))
    return None


def _folder() -> Path:
    return topology.DATA / "uploads"


def _sweep(owner: int) -> None:
    """Forgets what is old, and of that account what is too much, while others do so, too."""
    aged = []
    with suppress(FileNotFoundError):
        for entry in _folder().iterdir():
            with suppress(FileNotFoundError):
                aged.append((entry.stat().st_mtime, entry))
    old = [entry for changed, entry in aged if time.time() - changed > HELD_S]
    own = [entry for _, entry in sorted(aged) if entry.name.startswith(f"{owner}-")]
    for entry in {*old, *own[: max(0, len(own) - MOST_HELD + 1)]}:
        shutil.rmtree(entry, ignore_errors=True)
