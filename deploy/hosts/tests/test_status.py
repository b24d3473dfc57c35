from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster
from deploy.hosts.status import Findings, Line, copies_that_answer, in_words

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LEADER = {"name": "host1", "role": "leader", "state": "running", "timeline": 1}
STANDBY = {"name": "host2", "role": "sync_standby", "state": "streaming", "timeline": 1, "lag": 0}


def told(cluster: Cluster, **different: Any) -> dict[str, Line]:
    """Of a store that is well but for what is different, by the line's first word."""
    found: dict[str, Any] = {
        "etcd": {1: True, 2: True, 3: True},
        "copies": [LEADER, STANDBY],
        "is_watched": True,
        "redis": {1: "master", 2: "slave up"},
        "sentinels": frozenset({1, 2, 3}),
        "fronts": frozenset({1, 2}),
        "clocks_s": {1: 0.0, 2: 0.4, 3: -0.9},
        "certificates": dict.fromkeys((1, 2, 3), NOW + timedelta(days=800)),
        "free": 0.7,
    }
    lines = in_words(Findings(cluster, **{**found, **different}), NOW)
    return {line.text.split(":")[0]: line for line in lines}


def test_all_is_well(cluster: Cluster) -> None:
    lines = told(cluster)
    assert all(line.is_well for line in lines.values())
    assert lines["PostgreSQL"].text == (
        "PostgreSQL: host1 is the primary, host2 its synchronous standby, 0 bytes behind; timeline 1"
    )


@pytest.mark.parametrize(
    ("of", "different", "words"),
    [
        ("etcd", {"etcd": {1: True, 2: True}}, "host3 (192.0.2.3) has no part in it; a majority is there"),
        ("etcd", {"etcd": {1: False}}, "no majority: nobody can be or become the primary"),
        ("PostgreSQL", {"copies": None}, "no Patroni answers"),
        ("PostgreSQL", {"copies": [STANDBY]}, "there is no primary (host2 is streaming)"),
        ("PostgreSQL", {"copies": [LEADER]}, "and alone: what is sold is on one disk"),
        ("PostgreSQL", {"copies": [LEADER, {**STANDBY, "lag": 99 << 20}]}, f"{99 << 20} bytes behind"),
        (
            "takeover",
            {"is_watched": False},
            "host3 (192.0.2.3) runs none: the lock of a host that is lost",
        ),
        ("takeover", {"is_watched": None}, "nobody knows whether somebody watches"),
        ("Redis", {"redis": {1: "master", 2: "master"}}, "host1 is written to; host2 is written to"),
        ("Redis", {"redis": {2: "slave down"}}, "host2 follows nobody"),
        ("Sentinel", {"sentinels": frozenset({1, 2})}, "host3 (192.0.2.3) has none that answers"),
        ("shop", {"fronts": frozenset({2})}, "the front of host1 (192.0.2.1) isn't ready"),
        ("certificates", {"certificates": {2: NOW + timedelta(days=12)}}, "host2 is the first to end, in 12 days"),
        ("certificates", {"certificates": {}}, "no host has shown one that holds"),
        (
            "certificates",
            {"expired": frozenset({2})},
            "that of host2 (192.0.2.2) has expired: `make host-renew WHAT=",
        ),
        ("certificates", {"expired": frozenset({1, 2, 3})}, "those of host1 (192.0.2.1), host2 (192.0.2.2), host3 "),
        ("clocks", {"clocks_s": {1: 0.0, 2: -3600.0}}, "host2 by -3600 s"),
        ("clocks", {"clocks_s": {}}, "no host has told the time"),
        ("disk of this host", {"free": 0.04}, "4% free"),
    ],
)
def test_what_is_not_well_is_named(cluster: Cluster, of: str, different: dict[str, Any], words: str) -> None:
    lines = told(cluster, **different)
    assert [name for name, line in lines.items() if not line.is_well] == [of]
    assert words in lines[of].text


class LosesTheFirst(Asker):
    """Patroni of the first host is silent; the other one has from etcd what that said at last."""

    def __init__(self) -> None:
        self.folder = Path()

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        if address == "192.0.2.1":
            raise Unanswered(address)
        return Answer(200, {"members": [LEADER, STANDBY]}, None, None)


def test_a_host_that_is_lost_is_not_said_to_run_because_etcd_still_says_so(cluster: Cluster) -> None:
    line = told(cluster, copies=copies_that_answer(cluster, LosesTheFirst()))["PostgreSQL"]
    assert (line.is_well, line.text) == (
        False,
        "PostgreSQL: there is no primary (host1 is silent, host2 is streaming)",
    )
