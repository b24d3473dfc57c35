"""Reads what nodes say at /metrics, with the parsers of Prometheus's own client library."""

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.client import Client
from tests.store import Store

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def families(store: Store, node: str) -> dict[str, Metric]:
    """The node's metrics by name, as a Prometheus server that asks for plain text would understand them."""
    answer = Client(store, node).get("/metrics")
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in parse_text(answer.body.decode())}


def openmetrics_families(store: Store, node: str) -> dict[str, Metric]:
    """The same, of the stricter format, whose parser refuses what isn't well-formed."""
    answer = Client(store, node).get("/metrics", {"Accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    return {family.name: family for family in parse_openmetrics(answer.body.decode())}


def value(store: Store, sample: str, *nodes: str, **labels: str) -> float:
    """The sum, over these nodes, of the samples of that name that have at least these labels."""
    return sum(
        found.value
        for node in nodes
        for family in families(store, node).values()
        for found in family.samples
        if found.name == sample and labels.items() <= found.labels.items()
    )
