"""Durations: cheap to note, and what a Prometheus server expects of a histogram."""

import pytest

from bookstore_project.nodes import metrics
from bookstore_project.nodes.metrics import BUCKETS_S, Durations, Histogram


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.0001, 0), (0.00011, 1), (0.00025, 1), (0.0003, 2), (10.0, 15), (10.1, 16), (3600.0, 16)],
)
def test_a_bucket_holds_what_is_not_longer_than_its_end(seconds: float, bucket: int) -> None:
    durations = Durations()
    durations.add(seconds)
    assert durations.counts() == [int(at == bucket) for at in range(len(BUCKETS_S) + 1)]
    assert durations.total_s == seconds


def test_the_first_bucket_is_the_one_that_is_not_looked_up() -> None:
    durations = Durations()
    durations.add(BUCKETS_S[0])
    assert durations.counts()[0] == 1


def test_what_the_loop_and_the_threads_saw_is_one_metric() -> None:
    histogram = Histogram("some_seconds", "Of a test.", ("route",))
    histogram.observe(("/a",), 0.3)
    histogram.of_loop("/a").add(0.00005)
    histogram.of_loop("/b").add(20.0)
    histogram.of_loop("/never")
    (family,) = histogram.collect()
    found = {
        (sample.name, sample.labels["route"], sample.labels.get("le", "")): sample.value for sample in family.samples
    }
    assert found["some_seconds_bucket", "/a", "0.0001"] == 1
    assert found["some_seconds_bucket", "/a", "0.25"] == 1
    assert found["some_seconds_bucket", "/a", "0.5"] == 2
    assert found["some_seconds_bucket", "/a", "+Inf"] == found["some_seconds_count", "/a", ""] == 2
    assert found["some_seconds_sum", "/a", ""] == pytest.approx(0.30005)
    assert found["some_seconds_bucket", "/b", "10.0"] == 0
    assert found["some_seconds_count", "/b", ""] == 1
    assert not [key for key in found if "/never" in key]


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/books/7/restock/", "books"),
        ("/api/v1/orders/?page=2", "orders"),
        ("/search/books", "search"),
        ("/internal/sales/?after=9", "sales"),
        ("/internal/push/", "push"),
        ("/readyz", "readyz"),
        ("/api/v1/whatever", "other"),
        ("/", "other"),
    ],
)
def test_resources_have_few_names(path: str, resource: str) -> None:
    assert metrics.resource_of(path) == resource
