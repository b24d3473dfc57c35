import base64
from pathlib import Path
from typing import Any

import pytest

from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster
from deploy.hosts.hastening import GONE_AFTER_S, Watch
from tests.clock import Clock

WAITING = {"sync_standby": True, "state": "running", "replication_state": "in archive recovery"}
REVOKED = ("192.0.2.3", "/v3/lease/revoke", {"ID": "77"})


class Hosts(Asker):
    """host1 has the lock, by lease 77; what host2's Patroni says of itself is `standby`."""

    def __init__(self, standby: dict[str, Any] | None, holder: str = "host1") -> None:
        self.folder = Path()
        self._standby = standby
        value = base64.b64encode(holder.encode()).decode()
        self._lock = {"kvs": [{"value": value, "lease": "77"}]} if holder else {}
        self.done: list[tuple[str, str, object]] = []
        self.answers: list[bool] = []
        """Whether the holder's Patroni does, at each look."""

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        if path == "/v3/kv/range":
            return Answer(200, self._lock, None, None)
        if path == "/patroni":
            assert address == "192.0.2.2"
            if self._standby is None:
                raise Unanswered(address)
            return Answer(200, self._standby, None, None)
        if path == "/liveness":
            assert address == "192.0.2.1"
            if not self.answers.pop(0):
                raise Unanswered(address)
            return Answer(503, None, None, None)
        self.done.append((address, path, body))
        return Answer(200, {}, None, None)


def watched(cluster: Cluster, hosts: Hosts, *answers: bool) -> list[str]:
    """What is done at looks that are GONE_AFTER_S from one another, if the holder's host answers so at each."""
    clock, hosts.answers = Clock(), list(answers)
    watch = Watch(cluster, hosts, clock)
    told = []
    for _ in answers:
        told.append(watch.look())
        clock.now += GONE_AFTER_S
    return told


def test_the_lock_of_a_host_that_nobody_hears_is_taken_back_after_some_seconds(cluster: Cluster) -> None:
    hosts = Hosts(WAITING)
    assert watched(cluster, hosts, True, False, False) == ["", "", "host1 is gone: its lock is taken back"]
    assert hosts.done == [REVOKED]


def test_a_host_that_answers_in_between_is_not_gone(cluster: Cluster) -> None:
    hosts = Hosts(WAITING)
    assert watched(cluster, hosts, False, True, False, True) == [""] * 4
    assert hosts.done == []


@pytest.mark.parametrize(
    "standby",
    [
        {**WAITING, "replication_state": "streaming"},
        {**WAITING, "sync_standby": False},
        {**WAITING, "state": "starting"},
        {},
    ],
    ids=["the standby still hears it", "a standby that may lack sales", "one that starts", "no standby"],
)
def test_nothing_is_done_unless_a_synchronous_standby_hears_nothing_either(
    cluster: Cluster, standby: dict[str, Any]
) -> None:
    hosts = Hosts(standby)
    assert watched(cluster, hosts, False, False, False) == [""] * 3
    assert hosts.done == []


def test_without_an_answer_of_the_standby_nothing_is_done(cluster: Cluster) -> None:
    hosts = Hosts(None)
    with pytest.raises(Unanswered):
        watched(cluster, hosts, False, False)
    assert hosts.done == []


def test_without_a_primary_nothing_is_done(cluster: Cluster) -> None:
    hosts = Hosts(WAITING, holder="")
    assert watched(cluster, hosts, False, False) == [""] * 2
    assert hosts.done == []
