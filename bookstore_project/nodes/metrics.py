"""How long things took, for /metrics: histograms that cost next to nothing to fill, read when somebody asks.

Labels take few values, whatever strangers send: routes are named by their pattern, never by a path.
Conventions: https://prometheus.io/docs/practices/naming/ (base units, `_seconds`, `_total`).
"""

import threading
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

import prometheus_client
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from bookstore_project.settings import topology

# When each counter began to count is of no use to anybody, and doubles what there is to read.
prometheus_client.disable_created_metrics()

BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends: from a hit, which takes less than the first, to the longest that anybody is made to wait."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BEGAN = "bookstore.began"
"""Of a WSGI environ: when the request was there, of `time.perf_counter`, if it had to wait for a thread since."""
OTHER = "other"
"""Stands for all values that aren't known beforehand."""
RESOURCES = frozenset({"books", "orders", "search", "sales", "leases", "processes", "status", "push", "readyz"})

Labels = tuple[str, ...]


class Durations:
    """How often something took how long. For one thread at a time; others may look."""

    __slots__ = ("_short", "_slower", "total_s")

    def __init__(self) -> None:
        self.total_s = 0.0
        self._short = 0
        self._slower = [0] * len(BUCKETS_S)

    def add(self, seconds: float) -> None:
        self.total_s += seconds
        if seconds <= 0.0001:  # The first bucket, with nothing looked up: a hit has no time for more.
            self._short += 1
        else:
            self._slower[bisect_left(BUCKETS_S, seconds) - 1] += 1

    def counts(self) -> list[int]:
        """For each bucket, and for what was slower than all of them."""
        return [self._short, *self._slower]


class Histogram(Collector):
    """Durations by labels, as one metric."""

    def __init__(self, name: str, documentation: str, labels: Labels) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._lock = threading.Lock()
        self._shared: dict[Labels, Durations] = {}
        self._of_loop: dict[Labels, Durations] = {}

    def observe(self, labels: Labels, seconds: float) -> None:
        """From any thread."""
        with self._lock:
            self._shared.setdefault(labels, Durations()).add(seconds)

    def of_loop(self, *labels: str) -> Durations:
        """What the event loop alone, without a lock, adds to."""
        found = self._of_loop.get(labels)
        return self._of_loop.setdefault(labels, Durations()) if found is None else found

    def describe(self) -> list[HistogramMetricFamily]:
        return [HistogramMetricFamily(self._name, self._documentation, labels=self._labels)]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        with self._lock:
            parts = [dict(self._shared), dict(self._of_loop)]
        for labels in sorted(parts[0].keys() | parts[1].keys()):
            found = [part[labels] for part in parts if labels in part]
            counts = [sum(of_bucket) for of_bucket in zip(*(durations.counts() for durations in found), strict=True)]
            if any(counts):
                family.add_metric(labels, _cumulative(counts), sum(durations.total_s for durations in found))
        yield family


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    ends = [*map(floatToGoString, BUCKETS_S), "+Inf"]
    return [(end, float(count)) for end, count in zip(ends, accumulate(counts), strict=True)]


def registry_of(service: str) -> CollectorRegistry | None:
    """Where to register what only nodes of this service count: nowhere, on a node of another."""
    return REGISTRY if topology.NODE is None or topology.NODE.service == service else None


requests = Histogram(
    "bookstore_http_request_duration_seconds",
    "How long this node took to answer requests, by route.",
    ("route", "method", "status"),
)
calls = Histogram(
    "bookstore_upstream_request_duration_seconds",
    "How long other nodes took to answer this one, and what came of it.",
    ("node", "method", "resource", "outcome"),
)
REGISTRY.register(requests)
REGISTRY.register(calls)


def note_request(request: HttpRequest, status: int, took_s: float) -> None:
    """An answer of Django's, whoever made it."""
    requests.observe((pattern_of_request(request), method_of(request.method), class_of(status)), took_s)


def pattern_of_request(request: HttpRequest) -> str:
    """The pattern of the route that answered."""
    match = request.resolver_match
    return pattern_of(match.route) if match is not None else OTHER


def pattern_of(route: str) -> str:
    """A route's pattern, in its spelling without a slash at the end."""
    return f"/{route.strip('/')}"


def pattern_of_path(path: str) -> str:
    """The pattern of the route that a path leads to, for where the path itself is nobody's business."""
    try:
        return pattern_of(resolve(path).route)
    except Resolver404:
        return OTHER


def method_of(method: str | None) -> str:
    return method if method in METHODS else OTHER


def class_of(status: int) -> str:
    """`2xx` for 200, and so on."""
    return f"{status // 100}xx"


def resource_of(path: str) -> str:
    """What another node is asked for, of a path as nodes call one another."""
    path = path.removeprefix("/internal/batch")
    name = path.removeprefix("/api/v1").removeprefix("/internal").lstrip("/").partition("?")[0].partition("/")[0]
    return name if name in RESOURCES else OTHER
