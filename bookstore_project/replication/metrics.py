"""What replication counts, for /metrics: each process what it did itself."""

from functools import cache
from typing import TypeVar

from prometheus_client import Counter, Histogram

from bookstore_project.nodes.metrics import BUCKETS_S

commits = Counter("bookstore_replication_commits", "Log entries written and acknowledged.", ["service"])
lock_wait = Histogram(
    "bookstore_replication_lock_wait_seconds",
    "How long writers waited for the writer lock before they had it.",
    ["service"],
    buckets=BUCKETS_S,
)
group_size = Histogram(
    "bookstore_replication_group_changes",
    "How many changes were committed together.",
    ["service"],
    buckets=(1, 2, 4, 8, 16, 32),
)
evictions = Counter("bookstore_replication_evictions", "Copies taken out of sync.", ["alias"])
repairs = Counter("bookstore_replication_repairs", "Copies brought back into sync.", ["alias", "means"])
MEANS = ("log", "copy")

M = TypeVar("M", Counter, Histogram)


@cache  # Looking for a child takes as long as counting with it.
def of(metric: M, service_name: str) -> M:
    """A service's own."""
    return metric.labels(service_name)


def show(service_name: str, aliases: list[str]) -> None:
    """From 0 on, whatever a node of this service may count: a rate needs a value from before the first event."""
    commits.labels(service_name)
    lock_wait.labels(service_name)
    group_size.labels(service_name)
    for alias in aliases:
        evictions.labels(alias)
        for means in MEANS:
            repairs.labels(alias, means)
