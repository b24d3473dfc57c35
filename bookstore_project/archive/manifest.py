"""What a backup says of itself, and what shows that it is whole.

A backup is a folder, or a tar file of the same members: one database file for each service and one for the accounts,
the secret that order ids follow from, and `manifest.json`, which is written last and names size and SHA-256 of each.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from bookstore_project.settings import topology

WHAT = "bookstore backup"
FORMAT = 1
NAME = "manifest.json"
SECRET, STAFF_PASSWORD, ACCOUNTS = "secret-key", "staff-password", "accounts.sqlite3"
REQUIRED = (*(f"{service}.sqlite3" for service in topology.SERVICES), ACCOUNTS, SECRET)
ALLOWED = (*REQUIRED, STAFF_PASSWORD)
CHUNK = 1024 * 1024


class NotABackup(Exception):
    """What was given is no backup, or not a whole one; the message says why."""


@dataclass(frozen=True)
class FileSum:
    """Of one member."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Content:
    """One service's file: where its log ends, its migrations, how many rows each table has."""

    timeline: str
    position: int
    hash: str
    migrations: tuple[str, ...]
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Manifest:
    """`created` is RFC 3339, UTC."""

    created: str
    services: Mapping[str, Content]
    files: Mapping[str, FileSum]

    def as_bytes(self) -> bytes:
        members = {"what": WHAT, "format": FORMAT, **asdict(self)}
        members["sha256"] = _own_sum(members)
        return json.dumps(members, indent=2).encode() + b"\n"


def parse(raw: bytes) -> Manifest:
    """Raises NotABackup."""
    try:
        members: dict[str, Any] = json.loads(raw)
        what, version, own_sum = members.pop("what"), members.pop("format"), members.pop("sha256")
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise NotABackup(f"{NAME} can't be read as a backup's manifest.") from error
    if what != WHAT or version != FORMAT:
        raise NotABackup(f"It is {what!r} of format {version!r}; this code restores {WHAT!r} of format {FORMAT}.")
    if own_sum != _own_sum({"what": what, "format": version, **members}):
        raise NotABackup(f"{NAME} was changed or is damaged: it fails its checksum.")
    try:
        files = {name: FileSum(**member) for name, member in members["files"].items()}
        services = {
            name: Content(**{**member, "migrations": tuple(member["migrations"])})
            for name, member in members["services"].items()
        }
        manifest = Manifest(members["created"], services, files)
    except (LookupError, AttributeError, TypeError) as error:
        raise NotABackup(f"{NAME} lacks something: {error}") from error
    if missing := [name for name in REQUIRED if name not in files]:
        raise NotABackup(f"It lacks {', '.join(missing)}.")
    if foreign := [name for name in files if name not in ALLOWED]:
        raise NotABackup(f"It names what no backup has: {', '.join(foreign)}.")
    return manifest


def sum_of(path: Path) -> FileSum:
    """Reads the file; nobody may have it open as a database."""
    with path.open("rb") as file:
        return copy(file, None)


def copy(source: IO[bytes], target: IO[bytes] | None) -> FileSum:
    """Copies to the end, and gives back size and checksum of what was read."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return FileSum(size, digest.hexdigest())


def _own_sum(members: Mapping[str, Any]) -> str:
    # Through JSON: what was a tuple is a list when it is read.
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()
