"""What catalog replicas and fronts send one another about a front's cache, as JSON has it.

The front's side, which takes it apart again, is `frontend_app/cache/messages.py`.
"""

from typing import NotRequired, TypedDict

LEASE_ENDED = "lease_ended"
"""Of a push's answer: a front of older code leaves it out, and has given up nothing."""


class PushMessage(TypedDict):
    """To a front: what it has to forget, and what it may keep."""

    timeline: str
    invalidate: list[tuple[int, list[str]]]
    """Positions, and the cache keys that the entries there touch."""
    set: list[tuple[int, str, str]]
    """As of which position, the cache key, and the answer."""
    requests: NotRequired[list[str]]
    """Of each of `set`, the request that made it."""
    replica: NotRequired[str]
    """Who sends it: a node."""
    ends_lease: NotRequired[bool]
    """Whether the front has to give up its lease, and to say so in its answer (`LEASE_ENDED`)."""


class PollReply(TypedDict):
    """To a front that polls: whether it has a new lease, and what it has missed."""

    timeline: str
    position: int
    """The floor: up to there, `changes` has all."""
    renewed: bool
    changes: list[tuple[int, list[str]]]
    doubts: list[tuple[int, str, list[str]]]
    """Entries above the floor: position, hash, and cache keys."""
    base: bool
    """Whether the front has to begin at the floor: the log doesn't reach back to where it stands."""
    settled: int | None
    """The floor in a moment without a writer, if the front has asked for it, and if there was one."""
