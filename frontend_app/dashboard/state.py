"""The store as a front sees it: for the cluster page, its JSON, and the metrics."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bookstore_project.nodes import redaction
from bookstore_project.nodes.balancing.circuit_breaker import BreakerStatus, State
from bookstore_project.settings import topology
from frontend_app import runtime
from frontend_app.cache.lru import Counters, LRUCache
from frontend_app.cache.shared.cache import SharedCache, SharedStatus
from frontend_app.clients import Upstream
from frontend_app.monitoring import journal, observer
from frontend_app.runtime import Front

STATES = ("up", "half-open", "out", "drained", "unknown")
KEYS_SHOWN = 200
"""Of the cache's keys, the ones used last."""
NEXT_OUT_SHOWN = 10
LONGEST_KEY, LONGEST_REASON = 100, 300
INVALIDATED_SHOWN = 6
"""Of the keys of one change; an import has hundreds."""


def describe(front: Front, *, is_for_staff: bool = False) -> dict[str, Any]:
    """For others than staff without what was asked for, and by whom.

    Whoever knows an order's id reads the order, and an address may hold words that somebody looked for.
    """
    return {
        "nodes": nodes(front, is_for_staff=is_for_staff),
        "rotation": [rotation(upstream) for upstream in (front.catalog, front.order)],
        "cache": cache(front),
        "invalidations": invalidations(front),
        "requests": front.journal.requests(is_for_staff=is_for_staff),
        "events": front.journal.events(is_for_staff=is_for_staff),
    }


def nodes(front: Front, *, is_for_staff: bool = False) -> list[dict[str, Any]]:
    own = {
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
        "process": front.supervisor_states.states.get(front.node.name),
        **front.journal.stats.own.summary().as_dict(),
    }
    return [own, *_replicas(front, is_for_staff=is_for_staff)]


def _replicas(front: Front, *, is_for_staff: bool) -> Iterator[dict[str, Any]]:
    told_of = {service: observer.told_of(service, front.checkers) for service in topology.SERVICES}
    heads = _heads(front)
    for checker in front.checkers:
        node, told, known = checker.node, checker.status, front.health.of(checker.node)
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
            "state": _state(known, is_drained=is_drained),
            "reason": redaction.cut(known.reason or mark, LONGEST_REASON),
            "in_sync": node.name not in out if service else None,
            "position": position,
            "lag": None if position is None else max(heads[node.service], floor) - position,
            "epoch": service.get("epoch"),
            "seen_s": None if known.seen_at is None else round(front.health.clock() - known.seen_at, 2),
            "floor": service.get("floor"),
            "out_because": redaction.cut(out.get(node.name, ""), LONGEST_REASON),
            "process": front.supervisor_states.states.get(node.name),
            **front.journal.stats.of(node.name).summary().as_dict(),
        }


def _heads(front: Front) -> dict[str, int]:
    """The newest position that a replica of the service has told of."""
    heads: dict[str, int] = {}
    for checker in front.checkers:
        position = checker.status.get("position") or 0
        heads[checker.node.service] = max(heads.get(checker.node.service, 0), position)
    return heads


def rotation(upstream: Upstream) -> dict[str, Any]:
    """Whose turn is next; None if asking anybody would be a waste of time."""
    upcoming = upstream.balancer.turns.upcoming()
    return {"service": upstream.service, "next": upcoming.name if upcoming else None}


def invalidations(front: Front) -> list[dict[str, Any]]:
    return [
        {
            "at": journal.timestamp(change.at),
            "position": change.position,
            "keys": _short(change.keys[:INVALIDATED_SHOWN]),
            "more": len(change.keys[INVALIDATED_SHOWN:]),
        }
        for change in front.coherence.invalidation_log.recent.copy()
    ]


def _state(known: BreakerStatus, *, is_drained: bool) -> str:
    if known.state is State.OPEN:
        return "out"
    if is_drained:
        return "drained"
    if known.state is State.HALF_OPEN:
        return "half-open"
    return "unknown" if known.seen_at is None else "up"


def cache(front: Front) -> dict[str, Any]:
    store, counted, lru = front.reads.cache, front.reads.counters(), _lru_counters(front)
    shared = _shared_status(front)
    keys = store.keys_in_order() if isinstance(store, LRUCache) else []
    told = {
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
    return told | ({"shared": asdict(shared)} if shared else {})


def _short(keys: Iterable[str]) -> list[str]:
    return [redaction.cut(key, LONGEST_KEY) for key in keys]


def _lru_counters(front: Front) -> Counters:
    store = front.reads.cache
    return store.counters() if isinstance(store, LRUCache) else Counters()


def _shared_status(front: Front) -> SharedStatus | None:
    """None if the front's cache is its own."""
    store = front.reads.cache
    return store.status() if isinstance(store, SharedCache) else None


class FrontCollector(Collector):
    """The front's counters for Prometheus, read when they are asked for."""

    def describe(self) -> list[CounterMetricFamily]:
        """Nothing: without it, registering would collect, and so put a front together too early."""
        return []

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        front = runtime.front()
        counted, lru = front.reads.counters(), _lru_counters(front)
        yield _counter("cache_hits", "Reads answered from the cache.", counted.hits)
        yield _counter("cache_misses", "Cacheable reads that a replica had to answer.", counted.misses)
        yield _counter("cache_bypasses", "Reads that went past the cache.", counted.bypasses)
        yield _counter("cache_evictions", "Entries that made room for others.", lru.evictions)
        yield _counter("cache_expiries", "Entries found too old.", lru.expiries)
        yield _counter(
            "cache_invalidations", "Keys invalidated by the catalog.", front.coherence.invalidation_log.keys
        )
        shared = _shared_status(front)
        if shared is None:
            yield _gauge("cache_entries", "Entries in the cache.", cache(front)["size"])
        else:
            yield from _shared_metrics(shared)
        yield _gauge("cache_floors", "Keys whose floors are remembered.", len(front.coherence.floors))
        rotation = GaugeMetricFamily(
            "bookstore_replica_in_rotation", "Whether the front calls the replica.", labels=["node"]
        )
        for checker in front.checkers:
            is_called = front.health.is_in_rotation(checker.node) and not front.drains.is_drained(checker.node)
            rotation.add_metric([checker.node.name], float(is_called))
        yield rotation
        yield from _balancing(front)


def _balancing(front: Front) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    states = GaugeMetricFamily(
        "bookstore_replica_state", "1 for the state that a replica is in.", labels=["node", "state"]
    )
    for checker in front.checkers:
        now = _state(front.health.of(checker.node), is_drained=front.drains.is_drained(checker.node))
        for state in STATES:
            states.add_metric([checker.node.name, state], float(state == now))
    yield states
    retries = CounterMetricFamily("bookstore_retries", "Calls made again on another replica.", labels=["service"])
    refused = CounterMetricFamily(
        "bookstore_retries_refused", "Calls not made again: the retry budget was spent.", labels=["service"]
    )
    left = GaugeMetricFamily(
        "bookstore_retry_budget", "Retries that could be made at this moment.", labels=["service"]
    )
    for upstream in (front.catalog, front.order):
        budget = upstream.balancer.budget
        retries.add_metric([upstream.service], budget.spent)
        refused.add_metric([upstream.service], budget.refused)
        left.add_metric([upstream.service], budget.tokens)
    yield from (retries, refused, left)


def _shared_metrics(shared: SharedStatus) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    yield _gauge("shared_cache_in_use", "Whether the shared cache is used, not left out.", shared.state == "closed")
    yield _counter("shared_cache_failures", "Calls of the shared cache that failed.", shared.failures)
    yield _counter("shared_cache_timeouts", "Waits for the shared cache that were given up.", shared.timeouts)
    yield _counter("shared_cache_openings", "How often the shared cache was left out.", shared.openings)
    yield _counter("shared_cache_dropped", "Sets and deletes that the shared cache never heard of.", shared.dropped)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"bookstore_{name}", text, value=value)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"bookstore_{name}", text, value=value)
