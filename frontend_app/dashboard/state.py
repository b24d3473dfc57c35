"""The store as a front sees it: for the cluster page, and its JSON."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, cast

from bookstore_project.nodes import redaction
from bookstore_project.nodes.balancing.circuit_breaker import BreakerStatus, State
from bookstore_project.settings import topology
from frontend_app.cache.lru import Counters, LRUCache
from frontend_app.cache.shared.cache import SharedCache
from frontend_app.clients import Upstream
from frontend_app.dashboard.documents import (
    CacheState,
    ClusterState,
    NodeState,
    RotationState,
    SharedCacheState,
    ShownInvalidation,
    WorkState,
)
from frontend_app.monitoring import journal, observer
from frontend_app.runtime import Front

STATES = ("up", "half-open", "out", "drained", "unknown")
KEYS_SHOWN = 200
"""Of the cache's keys, the ones used last."""
NEXT_OUT_SHOWN = 10
LONGEST_KEY, LONGEST_REASON = 100, 300
INVALIDATED_SHOWN = 6
"""Of the keys of one change; an import has hundreds."""


def describe(front: Front, *, is_for_staff: bool = False) -> ClusterState:
    """For others than staff without what was asked for, and by whom, and without what database servers say.

    Whoever knows an order's id reads the order, and an address may hold words that somebody looked for.
    """
    for checker in front.checkers:
        checker.watch()
    return {
        "nodes": nodes(front, is_for_staff=is_for_staff),
        "servers": _servers(front) if is_for_staff else [],
        "rotation": [rotation(upstream) for upstream in (front.catalog, front.order)],
        "cache": cache(front),
        "invalidations": invalidations(front),
        "requests": front.journal.requests(is_for_staff=is_for_staff),
        "events": front.journal.events(is_for_staff=is_for_staff),
    }


def _servers(front: Front) -> list[str]:
    """As a replica has it that answers: what another one told last may name a primary that is gone."""
    answering = [checker for checker in front.checkers if front.breakers.is_in_rotation(checker.node)]
    return list(observer.told_of(topology.CATALOG, answering).get("servers") or ())


def nodes(front: Front, *, is_for_staff: bool = False) -> list[NodeState]:
    own: NodeState = {
        "name": front.node.name,
        "service": front.node.service,
        "address": front.node.address,
        "pid": os.getpid(),
        "state": "up",
        "reason": "",
        "in_sync": None,
        "position": None,
        "lag": None,
        "epoch": None,
        "seen_s": 0.0,
        "floor": None,
        "out_because": "",
        "work": None,
        "process": front.supervisor_states.states.get(front.node.name),
        **front.journal.stats.own.summary(),
    }
    return [own, *_replicas(front, is_for_staff=is_for_staff)]


def _replicas(front: Front, *, is_for_staff: bool) -> Iterator[NodeState]:
    told_of = {service: observer.told_of(service, front.checkers) for service in topology.SERVICES}
    heads = _heads(front)
    for checker in front.checkers:
        node, told, known = checker.node, checker.status, front.breakers.of(checker.node)
        is_drained = front.drains.is_drained(node)
        mark = front.drains.reason(node) if is_for_staff else "drained" * is_drained
        service, position = told_of[node.service], told.get("position")
        out: dict[str, str] = service.get("out") or {}
        floor = service.get("floor") or 0
        if position is not None and node.name not in out:
            position = max(position, floor)  # A copy in sync has what is settled, also while its process is stopped.
        yield {
            "name": node.name,
            "service": node.service,
            "address": node.address,
            "pid": told.get("pid"),
            "state": state_of(known, is_drained=is_drained),
            "reason": redaction.cut(known.reason or mark, LONGEST_REASON),
            "in_sync": node.name not in out if service else None,
            "position": position,
            "lag": None if position is None else max(heads[node.service], floor) - position,
            "epoch": service.get("epoch"),
            "seen_s": None if known.seen_at is None else round(front.breakers.clock() - known.seen_at, 2),
            "floor": service.get("floor"),
            "out_because": redaction.cut(out.get(node.name, ""), LONGEST_REASON),
            "work": _work_on(node.name, service.get("work")),
            "process": front.supervisor_states.states.get(node.name),
            **front.journal.stats.of(node.name).summary(),
        }


def _work_on(name: str, told: dict[str, Any] | None) -> WorkState | None:
    """What is told of the service, if it is about this copy: whose file it is comes last."""
    if not told or not str(told["what"]).endswith(f" {name}"):
        return None
    return {"what": str(told["what"]), "part": float(told["part"]), "left_s": told["left_s"]}


def _heads(front: Front) -> dict[str, int]:
    """The newest position that a replica of the service has told of."""
    heads: dict[str, int] = {}
    for checker in front.checkers:
        position = checker.status.get("position") or 0
        heads[checker.node.service] = max(heads.get(checker.node.service, 0), position)
    return heads


def rotation(upstream: Upstream) -> RotationState:
    """Whose turn is next; None if asking anybody would be a waste of time."""
    upcoming = upstream.balancer.turns.upcoming()
    return {"service": upstream.service, "next": upcoming.name if upcoming else None}


def invalidations(front: Front) -> list[ShownInvalidation]:
    return [
        {
            "at": journal.timestamp(change.at),
            "position": change.position,
            "keys": _short(change.keys[:INVALIDATED_SHOWN]),
            "more": len(change.keys[INVALIDATED_SHOWN:]),
        }
        for change in front.coherence.invalidation_log.recent.copy()
    ]


def state_of(known: BreakerStatus, *, is_drained: bool) -> str:
    if known.state is State.OPEN:
        return "out"
    if is_drained:
        return "drained"
    if known.state is State.HALF_OPEN:
        return "half-open"
    return "unknown" if known.seen_at is None else "up"


def cache(front: Front) -> CacheState:
    store, counted, lru = front.reads.cache, front.reads.counters(), lru_counters(front)
    shared = store.status() if isinstance(store, SharedCache) else None
    keys = store.keys_in_order() if isinstance(store, LRUCache) else []
    told: CacheState = {
        "coherence": front.coherence.mode,
        "size": None if shared else len(keys),
        "max": store.max_entries if isinstance(store, LRUCache) else None,
        "hits": counted.hits,
        "misses": counted.misses,
        "bypasses": counted.bypasses,
        "evictions": lru.evictions,
        "expiries": lru.expiries,
        "invalidations": front.coherence.invalidation_log.keys,
        "keys": _short(keys[-KEYS_SHOWN:]),
        "next_out": _short(keys[:NEXT_OUT_SHOWN]),
        "hit_ratios": front.journal.stats.own.hit_ratios(),
    }
    if shared:
        told["shared"] = cast("SharedCacheState", asdict(shared))
    return told


def _short(keys: Iterable[str]) -> list[str]:
    return [redaction.cut(key, LONGEST_KEY) for key in keys]


def lru_counters(front: Front) -> Counters:
    store = front.reads.cache
    return store.counters() if isinstance(store, LRUCache) else Counters()
