"""A cache entry: one bytes value that says where and when its answer was read."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bookstore_project.api import etags, headers
from frontend_app.cache.memo import Memo

_MARK = b"1"
"""The format's version: what another version wrote is a miss."""
JSON = "application/json"
READY_BYTES, LARGEST_READY_BYTES = 16 * 1024 * 1024, 64 * 1024
"""Of entries that need not be taken apart again, the next time they are sent: of all, and of one."""
_REPLICA = headers.REPLICA.lower().encode()
_POSITION = headers.LOG_POSITION.lower().encode()


@dataclass(frozen=True)
class CacheEntry:
    """An answer of a catalog replica, ready to be sent, and what tells whether it may still be."""

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


class Ready(NamedTuple):
    """An entry as it is sent: what its reader has to check, and what goes on the wire."""

    asof: int
    timeline: str
    etag: str
    body: bytes
    source_headers: tuple[tuple[bytes, bytes], ...]
    """Of every answer that is made from it."""
    body_headers: tuple[tuple[bytes, bytes], ...]
    """Of one that has its body."""
    message: dict[str, Any]
    """The body as ASGI wants it. Shared: nobody changes it."""


READY: Memo[bytes, Ready] = Memo(READY_BYTES, LARGEST_READY_BYTES)
"""By the bytes that lie in the cache. For the event loop only."""


def ready(value: bytes) -> Ready | None:
    """What `encode` wrote of a 200; None for anything else that a cache may return. For the event loop only."""
    found = READY.known.get(value)
    if found is None:
        found = _ready(value)
        if found is not None:
            READY.keep(value, found, 2 * len(value))  # The body is a copy of most of it.
    return found


def _ready(value: bytes) -> Ready | None:
    parts = _split(value)
    if parts is None or parts[2] != b"200":
        return None
    _, asof, _, timeline, replica, etag, content_type, body = parts
    return Ready(
        int(asof),
        timeline.decode("utf-8", "replace"),
        etag.decode("utf-8", "replace"),
        body,
        ((_REPLICA, replica), (_POSITION, asof), (b"etag", etag)),
        ((b"content-type", content_type), (b"content-length", b"%d" % len(body))),
        {"type": "http.response.body", "body": body},
    )


def decode(value: object) -> CacheEntry | None:
    """The entry that `encode` wrote; None for anything else that a cache may return."""
    parts = _split(value) if isinstance(value, bytes) else None
    if parts is None:
        return None
    timeline, replica, etag, content_type = (part.decode("utf-8", "replace") for part in parts[3:7])
    return CacheEntry(int(parts[1]), timeline, replica, parts[7], int(parts[2]), content_type, etag)


def _split(value: bytes) -> list[bytes] | None:
    """Mark, asof, status, timeline, replica, ETag, content type, body."""
    parts = value.split(b"\n", 7)
    if len(parts) != 8 or parts[0] != _MARK or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    return parts
