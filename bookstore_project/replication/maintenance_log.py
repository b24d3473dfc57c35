"""When a service was last repaired and scrubbed, and what came of it: noted where every process can read it.

For people. Nothing rests on it: losing a note loses nothing, and one that can't be written is left out.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bookstore_project import files
from bookstore_project.replication.conf import replication_settings

REPAIR, SCRUB = "repair", "scrub"


def note(service_name: str, kind: str, **members: Any) -> None:
    """Remembers it as the last of its kind, with the time (RFC 3339, UTC) as `at`."""
    path = _path(service_name, kind)
    with suppress(OSError):
        files.write(path, json.dumps({"at": now(), **members}).encode())


def last(service_name: str, kind: str) -> dict[str, Any] | None:
    """What was noted last; None if there is nothing that can be read."""
    with suppress(OSError, ValueError):
        found = json.loads(files.read(_path(service_name, kind)))
        if isinstance(found, dict) and "at" in found:
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
