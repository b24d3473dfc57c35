"""A cache entry: one bytes value that says where and when its answer was read."""

from dataclasses import dataclass, field
from functools import lru_cache

from bookstore_project.wire import etags

_MARK = b"1"
"""The format's version: what another version wrote is a miss."""
JSON = "application/json"
DECODED_KEPT = 2048
"""Entries that need not be taken apart again, the next time they are read."""


@dataclass(frozen=True, eq=False)
class Entry:
    """An answer of a catalog replica, ready to be sent, and what tells whether it may still be.

    Compared by identity: what is worked out for an entry once can be looked up by it.
    """

    asof: int
    """The settled log position of the snapshot that it was read from."""
    timeline: str
    replica: str
    body: bytes
    status: int = 200
    content_type: str = JSON
    etag: str = field(default="")

    def __post_init__(self) -> None:
        if not self.etag:
            object.__setattr__(self, "etag", etags.etag_of(self.body))

    def encode(self) -> bytes:
        head = (self.asof, self.status, self.timeline, self.replica, self.etag, self.content_type)
        return b"\n".join([_MARK, *(str(part).encode() for part in head), self.body])


def decode(value: object) -> Entry | None:
    """The entry that `encode` wrote; None for anything else that a cache may return."""
    return _decode(value) if isinstance(value, bytes) else None


@lru_cache(DECODED_KEPT)
def _decode(value: bytes) -> Entry | None:
    parts = value.split(b"\n", 7)
    if len(parts) != 8 or parts[0] != _MARK or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    timeline, replica, etag, content_type = (part.decode("utf-8", "replace") for part in parts[3:7])
    return Entry(int(parts[1]), timeline, replica, parts[7], int(parts[2]), content_type, etag)
