"""The standby takes over from a primary whose certificate is about to end, and only then."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster
from deploy.hosts.handing_over import BEFORE, EVERY_S, Ends
from deploy.hosts.hastening import look_around
from tests.clock import Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON, LATER = NOW + BEFORE / 2, NOW + 10 * BEFORE
WANTED = ("192.0.2.2", 8008, "POST", "/switchover", {"leader": "host2", "candidate": "host1"}, "patroni", "secret")


class Hosts(Asker):
    """host2 is the primary; Patronis show certificates that end then."""

    def __init__(self, holder_ends: datetime, standby_ends: datetime, standby: str = "sync_standby") -> None:
        self.folder = Path()
        self._ends = {"192.0.2.2": holder_ends, "192.0.2.1": standby_ends}
        self._copies = [{"name": "host2", "role": "leader", "state": "running"}]
        self._copies += [{"name": "host1", "role": standby, "state": "streaming"}]
        self.told: list[tuple[Any, ...]] = []
        self.status = 200
        """Of the answer; 0 if it takes longer than anybody waits."""

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        content = {"members": self._copies} if path == "/cluster" else None
        return Answer(200, content, None, self._ends[address])

    def change(
        self, address: str, port: int, path: str, body: object, user: str, password: str, method: str = "PATCH"
    ) -> Answer:
        self.told.append((address, port, method, path, body, user, password))
        if not self.status:
            raise Unanswered("timed out")
        return Answer(self.status, None, None, None)


def ends(cluster: Cluster, hosts: Hosts, clock: Clock | None = None) -> Ends:
    return Ends(cluster, hosts, "secret", clock or Clock(), lambda: NOW)


@pytest.mark.parametrize("status", [200, 0])
def test_the_standby_takes_over_before_the_primary_s_certificate_ends(cluster: Cluster, status: int) -> None:
    hosts = Hosts(SOON, LATER)
    hosts.status = status
    assert ends(cluster, hosts).look() == "the certificate of host2 is about to end: host1 is to take over"
    assert hosts.told == [WANTED]


@pytest.mark.parametrize(
    ("holder_ends", "standby_ends", "standby"),
    [
        (LATER, 2 * (LATER - NOW) + NOW, "sync_standby"),
        (SOON, SOON + BEFORE / 2, "sync_standby"),
        (SOON, NOW, "sync_standby"),
        (SOON, LATER, "replica"),
    ],
    ids=["it lasts", "the standby's ends soon after it", "the standby's has ended", "a copy that isn't synchronous"],
)
def test_otherwise_nobody_is_told_anything(
    cluster: Cluster, holder_ends: datetime, standby_ends: datetime, standby: str
) -> None:
    hosts = Hosts(holder_ends, standby_ends, standby)
    assert ends(cluster, hosts).look() == ""
    assert hosts.told == []


@pytest.mark.parametrize(("silent", "told"), [({}, ["host1 is to take over"]), ({"host2": 1.0}, [])])
def test_nobody_asks_a_silent_host_for_its_certificate(silent: dict[str, float], told: list[str]) -> None:
    """Who takes over has no seconds to lose."""
    watch: Any = SimpleNamespace(look=str, tell=str, silent_since=silent)
    ending: Any = SimpleNamespace(look=lambda: "host1 is to take over")
    said: list[object] = []
    look_around(watch, ending, said.append)
    assert said == told


def test_a_primary_that_refuses_is_said_and_told_again_later(cluster: Cluster) -> None:
    hosts, clock = Hosts(SOON, LATER), Clock()
    hosts.status = 412
    looking = ends(cluster, hosts, clock)
    with pytest.raises(Unanswered, match="host2 hands nothing over: 412"):
        looking.look()
    assert looking.look() == "", "not at once"
    hosts.status = 200
    clock.now += EVERY_S
    assert looking.look() != ""
    assert hosts.told == [WANTED] * 2
