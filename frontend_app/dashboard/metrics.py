"""A front's figures for Prometheus, read when they are asked for."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from frontend_app import runtime
from frontend_app.cache.lru import LRUCache
from frontend_app.cache.shared.cache import SharedCache, SharedStatus
from frontend_app.dashboard.state import STATES, lru_counters, state_of
from frontend_app.runtime import Front


class FrontCollector(Collector):
    """The front's counters for Prometheus, read when they are asked for."""

    def describe(self) -> list[CounterMetricFamily]:
        """Nothing: without it, registering would collect, and so put a front together too early."""
        return []

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        front = runtime.front()
        counted, lru = front.reads.counters(), lru_counters(front)
        yield _counter("cache_hits", "Reads answered from the cache.", counted.hits)
        yield _counter("cache_misses", "Cacheable reads that a replica had to answer.", counted.misses)
        yield _counter("cache_bypasses", "Reads that went past the cache.", counted.bypasses)
        yield _counter("cache_evictions", "Entries that made room for others.", lru.evictions)
        yield _counter("cache_expiries", "Entries found too old.", lru.expiries)
        yield _counter(
            "cache_invalidations", "Keys invalidated by the catalog.", front.coherence.invalidation_log.keys
        )
        store = front.reads.cache
        if isinstance(store, LRUCache):
            yield _gauge("cache_entries", "Entries in the cache.", len(store))
        elif isinstance(store, SharedCache):
            yield from _shared_metrics(store.status())
        yield _gauge("cache_floors", "Keys whose floors are remembered.", len(front.coherence.floors))
        rotation = GaugeMetricFamily(
            "bookstore_replica_in_rotation", "Whether the front calls the replica.", labels=["node"]
        )
        for checker in front.checkers:
            is_called = front.breakers.is_in_rotation(checker.node) and not front.drains.is_drained(checker.node)
            rotation.add_metric([checker.node.name], float(is_called))
        yield rotation
        yield from _balancing(front)


def _balancing(front: Front) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    states = GaugeMetricFamily(
        "bookstore_replica_state", "1 for the state that a replica is in.", labels=["node", "state"]
    )
    for checker in front.checkers:
        now = state_of(front.breakers.of(checker.node), is_drained=front.drains.is_drained(checker.node))
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
