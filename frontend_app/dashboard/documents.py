"""What the cluster page and its JSON are made of: `state` makes it, `serializers` says it to the schema."""

from typing import NotRequired, TypedDict

from frontend_app.monitoring.journal import ShownEvent, ShownRequest
from frontend_app.monitoring.rolling_stats import Summary


class WorkState(TypedDict):
    """What is done with a copy that takes long, how much of it is done, and how long the rest may take."""

    what: str
    part: float
    left_s: float | None


class NodeState(Summary):
    """A node, as this front sees it; None is what isn't known, or isn't so of a front."""

    name: str
    service: str
    address: str
    pid: int | None
    state: str
    """One of `state.STATES`."""
    reason: str
    in_sync: bool | None
    position: int | None
    lag: int | None
    epoch: int | None
    seen_s: float | None
    floor: int | None
    out_because: str
    work: WorkState | None
    process: str | None


class RotationState(TypedDict):
    """Whose turn is next; None if asking anybody would be a waste of time."""

    service: str
    next: str | None


class SharedCacheState(TypedDict):
    """A cache in another process; the fields of `SharedStatus`."""

    state: str
    reason: str
    failures: int
    timeouts: int
    openings: int
    dropped: int


class CacheState(TypedDict):
    """A front's cache."""

    coherence: str
    size: int | None
    max: int | None
    hits: int
    misses: int
    bypasses: int
    evictions: int
    expiries: int
    invalidations: int
    keys: list[str]
    next_out: list[str]
    hit_ratios: list[float | None]
    shared: NotRequired[SharedCacheState]


class ShownInvalidation(TypedDict):
    """A change that the catalog told the cache of, with the first of its keys."""

    at: str
    position: int
    keys: list[str]
    more: int
    """How many further keys there were."""


class ClusterState(TypedDict):
    """The store, as this front sees it. Lists of what happened have the newest first."""

    nodes: list[NodeState]
    servers: list[str]
    """Those that have the rows, in words, for staff; none where rows are in files, or if no replica answers."""
    rotation: list[RotationState]
    cache: CacheState
    invalidations: list[ShownInvalidation]
    requests: list[ShownRequest]
    events: list[ShownEvent]
