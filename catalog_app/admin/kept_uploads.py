"""Uploads that are kept for a while: what was previewed is what is imported, and rejected rows can be fetched.

A browser doesn't send a file twice by itself. The files lie under `var/uploads`, one folder each, for the one who
sent them; they are no part of the store's data, and whoever finds his gone chooses the file again.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from bookstore_project.settings import topology

MOST_KEPT = 20
"""Uploads of an account; the oldest goes first."""
KEPT_S = 24 * 3600.0
_TOKEN = re.compile("[0-9a-f]{32}")
_TOKEN_BYTES = 16
_CONTENT, _NAME, _REJECTED, _DONE = "content", "name", "rejected.csv", "done.json"


@dataclass(frozen=True)
class KeptUpload:
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


def keep(content: bytes, name: str, owner: int, token: str = "") -> KeptUpload:
    """Keeps an upload of that account, under a new token or this one; forgets old ones.

    What is kept under the token already stays as it is, also if somebody else keeps it at the same time.
    """
    if found := find_kept(token, owner):
        return found
    _sweep(owner)
    made = _kept(new_token(), owner)
    made.folder.mkdir(mode=0o700, parents=True)
    made.content.write_bytes(content)
    (made.folder / _NAME).write_text(name, encoding="utf-8", errors="replace")
    return _renamed(made, _kept(token, owner)) if token else made


def find_kept(token: str, owner: int) -> KeptUpload | None:
    """The upload of that token and account; None if there is none any more."""
    kept = _kept(token, owner)
    return kept if _TOKEN.fullmatch(token) and kept.content.exists() else None


def new_token() -> str:
    """Nobody can guess it."""
    return secrets.token_hex(_TOKEN_BYTES)


def import_token(sending: str, content: bytes, options: dict[str, Any]) -> str:
    """Names an import: the same one if a browser sends a form again, another one for another file or other options.

    A form that doesn't say which sending it is isn't recognized.
    """
    if not _TOKEN.fullmatch(sending):
        return new_token()
    asked = json.dumps([sending, options], sort_keys=True).encode()
    return blake2b(asked + content, digest_size=_TOKEN_BYTES).hexdigest()


@contextmanager
def one_at_a_time(kept: KeptUpload) -> Iterator[None]:
    """Waits for whoever is at the same upload, in whatever process. Raises FileNotFoundError if it is gone."""
    descriptor = os.open(kept.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def note_done(kept: KeptUpload, outcome: Any) -> None:
    """What came of the import is known from now on, to who sends it again; `outcome` is what JSON can hold."""
    written = kept.folder / f"{_DONE}.new"
    with suppress(FileNotFoundError):  # Swept meanwhile.
        written.write_text(json.dumps(outcome), encoding="utf-8")
        written.replace(kept.folder / _DONE)


def find_done(kept: KeptUpload) -> Any:
    """What came of the import; None if it hasn't been carried out to its end."""
    with suppress(FileNotFoundError):
        return json.loads((kept.folder / _DONE).read_text(encoding="utf-8"))
    return None


def _kept(token: str, owner: int) -> KeptUpload:
    return KeptUpload(token, _folder() / f"{owner}-{token}")


def _renamed(made: KeptUpload, wanted: KeptUpload) -> KeptUpload:
    try:
        made.folder.rename(wanted.folder)
    except OSError:
        if not wanted.content.exists():
            raise
        shutil.rmtree(made.folder, ignore_errors=True)  # Somebody else has been faster.
    return wanted


def _folder() -> Path:
    return topology.DATA / "uploads"


def _sweep(owner: int) -> None:
    """Forgets what is old, and of that account what is too much, while others do so, too."""
    aged = []
    with suppress(FileNotFoundError):
        for entry in _folder().iterdir():
            with suppress(FileNotFoundError):
                aged.append((entry.stat().st_mtime, entry))
    old = [entry for changed, entry in aged if time.time() - changed > KEPT_S]
    own = [entry for _, entry in sorted(aged) if entry.name.startswith(f"{owner}-")]
    for entry in {*old, *own[: max(0, len(own) - MOST_KEPT + 1)]}:
        shutil.rmtree(entry, ignore_errors=True)
