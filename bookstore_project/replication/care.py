"""When a service was last repaired and scrubbed, and what came of it: noted where every process can read it.

For people. Nothing rests on it: losing a note loses nothing, and one that can't be written is left out.
"""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bookstore_project.settings import topology

REPAIR, SCRUB = "repair", "scrub"


def note(service_name: str, kind: str, **members: Any) -> None:
    """Remembers it as the last of its kind, with the time (RFC 3339, UTC) as `at`."""
    path = _path(service_name, kind)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps({"at": now(), **members}))
        draft.replace(path)


def last(service_name: str, kind: str) -> dict[str, Any] | None:
    """What was noted last; None if there is nothing that can be read."""
    with suppress(OSError, ValueError):
        found = json.loads(_path(service_name, kind).read_text())
        if isinstance(found, dict) and "at" in found:
            return found
    return None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _path(service_name: str, kind: str) -> Path:
    return topology.DATA / "care" / f"{service_name}-{kind}.json"


# A read that meets a row which isn't what the log says may not wait for a scrub, nor evict: it leaves a mark.


def want_scrub(service_name: str) -> None:
    """Has the caretaker scrub in its next round. Losing the mark loses nothing: there is a next scrub."""
    with suppress(OSError):
        _wish(service_name).parent.mkdir(parents=True, exist_ok=True)
        _wish(service_name).touch()


def is_scrub_wanted(service_name: str) -> bool:
    """Whether one was asked for that isn't done yet."""
    return scrub_wanted_ns(service_name) is not None


def scrub_wanted_ns(service_name: str) -> int | None:
    """When a scrub was last asked for, of those that aren't done; None if none was."""
    with suppress(OSError):
        return _wish(service_name).stat().st_mtime_ns
    return None


def forget_wanted_scrub(service_name: str, wanted_ns: int | None) -> None:
    """Takes away the mark of then, as its scrub is done: one that was left meanwhile stays."""
    if wanted_ns is not None and scrub_wanted_ns(service_name) == wanted_ns:
        with suppress(OSError):
            _wish(service_name).unlink()


def _wish(service_name: str) -> Path:
    return topology.DATA / "care" / f"{service_name}-scrub-wanted"
