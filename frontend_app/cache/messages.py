"""What a front and the catalog replicas say to each other about its cache, as the front understands it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Invalidation:
    """What touched those keys, and stands at that position of the log: no older answer of them counts."""

    position: int
    keys: Sequence[str]
    hash: str = ""
    """Of an entry in doubt."""


@dataclass(frozen=True)
class SentPoll:
    """A poll that was sent: what it asked with, and when it left (the lease counts from there)."""

    sent_at: float
    timeline: str | None
    since: int | None
    confirmed: list[Any] | None
    term: int = 0
    """How many leases had been given up when it was sent."""
    pushes: int = 0
    """How many had been taken when it was sent."""
    is_settling: bool = False
    """Whether it asks for what was announced to be settled, one way or the other."""


@dataclass(frozen=True)
class PollAnswer:
    """What a catalog replica answered to a poll."""

    timeline: str
    position: int
    is_renewed: bool
    is_base: bool
    """The replica's log doesn't reach back to what was asked: everything older counts as changed."""
    changes: Sequence[Invalidation] = ()
    doubts: Sequence[Invalidation] = ()
    settled: int | None = None
    """Where the log stood, with nothing under way, at a moment after the poll had come: if it asked for that."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "PollAnswer":
        """Raises KeyError, TypeError or ValueError for something else than a poll's answer."""
        settled = data["settled"]
        return cls(
            timeline=str(data["timeline"]),
            position=int(data["position"]),
            is_renewed=bool(data["renewed"]),
            is_base=bool(data["base"]),
            changes=_invalidations(data["changes"]),
            doubts=[Invalidation(int(at), list(keys), str(digest)) for at, digest, keys in data["doubts"]],
            settled=None if settled is None else int(settled),
        )


@dataclass(frozen=True)
class Push:
    """A message from a catalog replica: floors to raise, and fresh entries to keep."""

    timeline: str
    invalidate: Sequence[Invalidation] = ()
    sets: Sequence[tuple[int, str, bytes]] = ()
    replica: str = ""
    ends_lease: bool = False

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Push":
        """Raises KeyError, TypeError or ValueError for something else than a push."""
        return cls(
            timeline=str(data["timeline"]),
            invalidate=_invalidations(data.get("invalidate", ())),
            sets=[(int(position), str(key), body.encode()) for position, key, body in data.get("set", ())],
            replica=str(data.get("replica", "")),
            ends_lease=data.get("ends_lease") is True,
        )


def _invalidations(pairs: Any) -> list[Invalidation]:
    return [Invalidation(int(position), list(keys)) for position, keys in pairs]
