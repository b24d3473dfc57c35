"""deploy/: a dashboard and a scrape configuration that know the store as it is."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from bookstore_project.settings import topology
from tests.client import Shop
from tests.metrics import families
from tests.store import ROOT

DEPLOY = ROOT / "deploy"
METRIC = re.compile(r"\b(?:bookstore|process)_\w+\b")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPING = re.compile(r"\bby \(([^)]*)\)")
PART_OF_ONE = re.compile(r"_(bucket|count|sum|created)$")
"""What ends the names of a histogram's samples."""
OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that Prometheus adds, or a histogram has."""


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DEPLOY / "grafana" / "bookstore.json").read_text())
    return loaded


def expressions(dashboard: dict[str, Any]) -> dict[str, str]:
    """All that the dashboard asks Prometheus, by where it asks."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    }
    queried = {
        f"variable {variable['name']}": variable["definition"]
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    }
    return found | queried


def test_every_metric_and_label_that_the_dashboard_names_is_there(shop: Shop, dashboard: dict[str, Any]) -> None:
    for path in ("/product/1", "/product/1"):
        shop.front.get(path)
    assert shop.front.buy(1).status == 201
    labels: dict[str, set[str]] = {}
    for node in shop.store.nodes:
        for family in families(shop.store, node).values():
            for sample in family.samples:
                labels.setdefault(sample.name, set()).update(sample.labels)
    for where, asked in expressions(dashboard).items():
        named = METRIC.findall(asked)
        assert named or "up{" in asked, where
        assert not [name for name in named if name not in labels], where
        known = OF_PROMETHEUS.union(*(labels[name] for name in named))
        used = set(MATCHER.findall(asked))
        for group in GROUPING.findall(asked):
            used |= {name.strip() for name in group.split(",")}
        assert used <= known, where


def test_the_metrics_of_the_nodes_are_those_of_the_documentation(shop: Shop) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    named = {name for row in re.findall(r"^\| `.*?\|", page, re.MULTILINE) for name in METRIC.findall(row)}
    there = {
        sample.name
        for node in shop.store.nodes
        for family in families(shop.store, node).values()
        for sample in family.samples
        if sample.name.startswith("bookstore_")
    }
    others = re.findall(r"^\| `bookstore_shared_cache_.*|^\| `.*?\| replicas on PostgreSQL \|", page, re.MULTILINE)
    of_others = {name for row in others for name in METRIC.findall(row)}
    assert named - of_others == {PART_OF_ONE.sub("", name) for name in there}


def test_what_the_dashboard_asks_is_balanced_and_of_the_chosen_job(dashboard: dict[str, Any]) -> None:
    for where, asked in expressions(dashboard).items():
        outside = re.sub(r'"[^"]*"', "", asked)
        for opening, closing in ("()", "{}", "[]"):
            assert outside.count(opening) == outside.count(closing), where
        if not where.startswith("variable"):
            assert asked.count('job="$job"') == len(METRIC.findall(asked)) + asked.count("up{"), where


def test_the_dashboard_can_be_imported(dashboard: dict[str, Any]) -> None:
    assert dashboard["schemaVersion"] == 42
    assert dashboard["title"]
    assert dashboard["uid"]
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert panel["type"] == "row" or (panel["targets"] and panel["description"]), panel["title"]
    for one, other in combinations(panels, 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    titles = " ".join(panel["title"] for panel in panels)
    for wanted in ("Hit ratio", "In sync", "Lag", "Time to answer", "Refused sales"):
        assert wanted in titles


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_prometheus_scrapes_every_node_under_its_name() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert job["job_name"] == "bookstore"
    assert job["metrics_path"] == "/metrics"
    scraped = {group["labels"]["instance"]: group["targets"] for group in job["static_configs"]}
    assert scraped == {name: [node.address] for name, node in topology.NODES.items()}
