"""What is done with a service's files, and what came of it the last time: noted where every process can read it.

Losing a note loses nothing, and one that can't be written is left out. All are for people but one: which copy a scrub
found sound last, and when, which saves a check while writers wait (`verification.was_checked_lately`).
"""

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from bookstore_project import files
from bookstore_project.replication.conf import replication_settings

_REPAIR, _SCRUB, _WORK, _CHECKED = "repair", "scrub", "work", "checked"


class Repair(TypedDict):
    """The last copy that was brought back, and what it took."""

    at: str
    """RFC 3339, UTC."""
    alias: str
    means: str
    """`log` or `copy`."""
    entries: int
    ms: int


class Scrub(TypedDict):
    """The last scrub."""

    at: str
    found: dict[str, list[str]]
    """What was wrong, by alias."""


class Check(TypedDict):
    """The last time that a copy was found sound as a whole."""

    nonce: str
    """Of the copy."""
    at: float
    """Seconds since the epoch."""


class Work(TypedDict):
    """Long work under way."""

    what: str
    """`copying catalog-1 for catalog-2`: whose file it is about comes last."""
    part: float
    """Of it, what is done, 0 to 1."""
    left_s: float | None
    """At this pace; None as long as nobody can tell."""
    pid: int
    """Of who does it."""


def note_work(service_name: str, work: Work) -> None:
    _write(service_name, _WORK, work)


def current_work(service_name: str) -> Work | None:
    """None if nothing is under way that takes long; what a process did that was killed isn't."""
    work = cast("Work | None", _read(service_name, _WORK, Work))
    return work if work is not None and _is_alive(work["pid"]) else None


def clear_work(service_name: str) -> None:
    with suppress(OSError):
        files.remove(_path(service_name, _WORK))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, TypeError, OverflowError) as error:
        return isinstance(error, PermissionError)
    return True


def note_repair(service_name: str, repair: Repair) -> None:
    _write(service_name, _REPAIR, repair)


def note_scrub(service_name: str, scrub: Scrub) -> None:
    _write(service_name, _SCRUB, scrub)


def note_check(service_name: str, alias: str, nonce: str, *, is_sound: bool) -> None:
    """Of the alias's copy, all of which was looked at."""
    noted = {**_checks(service_name), alias: Check(nonce=nonce, at=time.time())}
    if not is_sound:
        del noted[alias]
    with suppress(OSError):
        files.write(_path(service_name, _CHECKED), json.dumps(noted).encode())


def seconds_since_check(service_name: str, alias: str, nonce: str) -> float | None:
    """None if nobody has noted that this copy was found sound; negative if the clock was set back since."""
    with suppress(KeyError, TypeError):
        found = _checks(service_name)[alias]
        if found["nonce"] == nonce:
            return time.time() - found["at"]
    return None


def _checks(service_name: str) -> dict[str, Check]:
    with suppress(OSError, ValueError):
        found = json.loads(files.read(_path(service_name, _CHECKED)))
        if isinstance(found, dict):
            return found
    return {}


def last_repair(service_name: str) -> Repair | None:
    """None if there is nothing that can be read."""
    return cast("Repair | None", _read(service_name, _REPAIR, Repair))


def last_scrub(service_name: str) -> Scrub | None:
    """None if there is nothing that can be read."""
    return cast("Scrub | None", _read(service_name, _SCRUB, Scrub))


def _write(service_name: str, kind: str, note: Repair | Scrub | Work) -> None:
    with suppress(OSError):
        files.write(_path(service_name, kind), json.dumps(note).encode())


def _read(service_name: str, kind: str, shape: type[Any]) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        found = json.loads(files.read(_path(service_name, kind)))
        if isinstance(found, dict) and found.keys() >= shape.__required_keys__:
            return found
    return None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _path(service_name: str, kind: str) -> Path:
    return replication_settings.data_dir / "maintenance" / f"{service_name}-{kind}.json"


# A read that meets a row which isn't what the log says may not wait for a scrub, nor evict: it leaves a mark.


def request_scrub(service_name: str) -> None:
    """Has maintenance scrub in its next round. Losing the mark loses nothing: there is a next scrub."""
    with suppress(OSError):
        files.write(_request_file(service_name), b"")


def is_scrub_requested(service_name: str) -> bool:
    """Whether one was asked for that isn't done yet."""
    return scrub_requested_ns(service_name) is not None


def scrub_requested_ns(service_name: str) -> int | None:
    """When a scrub was last asked for, of those that aren't done; None if none was."""
    with suppress(OSError):
        return _request_file(service_name).stat().st_mtime_ns
    return None


def clear_scrub_request(service_name: str, requested_ns: int | None) -> None:
    """Takes away the mark of then, as its scrub is done: one that was left meanwhile stays."""
    if requested_ns is not None and scrub_requested_ns(service_name) == requested_ns:
        with suppress(OSError):
            files.remove(_request_file(service_name))


def _request_file(service_name: str) -> Path:
    return replication_settings.data_dir / "maintenance" / f"{service_name}-scrub-requested"
