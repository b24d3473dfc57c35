import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster
from deploy.hosts.hastening import GONE_AFTER_S, LOCK, TOLD_EVERY_S, TOLD_FOR_S, WATCHES, Watch, watches
from deploy.hosts.hastening import SYNCHRONOUS as LISTED
from tests.clock import Clock

WAITING = {"sync_standby": True, "state": "running", "replication_state": "in archive recovery"}
SYNCHRONOUS = {"leader": "host1", "sync_standby": "host2", "quorum": 0}
OF_LOCK, OF_LIST = 5, 7
"""The revisions at first."""


class Hosts(Asker):
    """host1 has the lock in etcd; what host2's Patroni says of itself is `standby`."""

    def __init__(
        self, standby: dict[str, Any] | None, holder: str = "host1", synchronous: dict[str, Any] | None = SYNCHRONOUS
    ) -> None:
        self.folder = Path()
        self._standby = standby
        self.entries: dict[str, tuple[str, int]] = {LISTED: (json.dumps(synchronous), OF_LIST)} if synchronous else {}
        if holder:
            self.entries[LOCK] = (holder, OF_LOCK)
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens between the last look and what is done by it."""
        self.lost = ""
        """What etcd needs a majority for, and has none."""
        self.answers: list[bool] = []
        """Whether the holder's Patroni does, at each look."""

    def put(self, key: str, value: str) -> None:
        self.entries[key] = (value, max(revision for _, revision in self.entries.values()) + 1)

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
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
        assert (address, port) == ("192.0.2.3", 2379)
        if path == self.lost:
            raise Unanswered("etcdserver: request timed out")
        return Answer(200, self._range(body) if path == "/v3/kv/range" else self._transact(body), None, None)

    def _range(self, asked: Any) -> dict[str, Any]:
        found = self.entries.get(text_of(asked["key"]))
        if found is None:
            return {}
        return {"kvs": [{"value": base64.b64encode(found[0].encode()).decode(), "mod_revision": str(found[1])}]}

    def _transact(self, asked: Any) -> dict[str, Any]:
        """As etcd's manual has it: all that is compared holds, or nothing is done."""
        self.meanwhile()
        for each in asked["compare"]:
            assert (each["target"], each["result"]) == ("MOD", "EQUAL")
            if self.entries.get(text_of(each["key"]), ("", 0))[1] != int(each["mod_revision"]):
                return {}
        for each in asked["success"]:
            if written := each.get("request_put"):
                self.put(text_of(written["key"]), text_of(written["value"]))
            else:
                del self.entries[text_of(each["request_delete_range"]["key"])]
        return {"succeeded": True}


def text_of(key: str) -> str:
    return base64.b64decode(key).decode()


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
    assert LOCK not in hosts.entries


def test_a_primary_that_lives_cannot_leave_its_standby_out_any_more(cluster: Cluster) -> None:
    """It writes the list if that is at the revision at which it saw that it has the lock."""
    hosts = Hosts(WAITING)
    watched(cluster, hosts, False, False)
    text, revision = hosts.entries[LISTED]
    assert json.loads(text) == SYNCHRONOUS
    assert revision > OF_LIST


@pytest.mark.parametrize("key", [LOCK, LISTED])
def test_nothing_is_done_if_the_primary_wrote_meanwhile(cluster: Cluster, key: str) -> None:
    """It has taken the lock again, or goes on alone."""
    hosts = Hosts(WAITING)
    hosts.meanwhile = lambda: hosts.put(key, hosts.entries[key][0])
    assert watched(cluster, hosts, False, False) == [""] * 2
    assert hosts.entries[LOCK][0] == "host1"


@pytest.mark.parametrize("path", ["/v3/kv/range", "/v3/kv/txn"])
def test_while_etcd_has_no_majority_nothing_is_done_and_afterwards_the_count_begins_anew(
    cluster: Cluster, path: str
) -> None:
    """The holder may have answered in between, when nobody asked it."""
    hosts, clock = Hosts(WAITING), Clock()
    watch = Watch(cluster, hosts, clock)

    def look() -> str:
        hosts.answers = [False]
        clock.now += GONE_AFTER_S
        return watch.look()

    assert look() == ""
    hosts.lost = path
    with pytest.raises(Unanswered):
        look()
    assert hosts.entries[LOCK] == ("host1", OF_LOCK)
    hosts.lost = ""
    assert [look(), look()] == ["", "host1 is gone: its lock is taken back"]


@pytest.mark.parametrize(
    "synchronous",
    [None, {**SYNCHRONOUS, "sync_standby": None}, {**SYNCHRONOUS, "leader": "host2", "sync_standby": "host1"}],
    ids=["no list", "a primary that is alone", "a list of another primary"],
)
def test_the_list_in_etcd_counts_whatever_the_standby_has_heard(
    cluster: Cluster, synchronous: dict[str, Any] | None
) -> None:
    hosts = Hosts(WAITING, synchronous=synchronous)
    assert watched(cluster, hosts, False, False) == [""] * 2
    assert LOCK in hosts.entries


def test_a_host_that_answers_in_between_is_not_gone(cluster: Cluster) -> None:
    hosts = Hosts(WAITING)
    before = dict(hosts.entries)
    assert watched(cluster, hosts, False, True, False, True) == [""] * 4
    assert hosts.entries == before


@pytest.mark.parametrize(
    "standby",
    [
        {**WAITING, "replication_state": "streaming"},
        {**WAITING, "state": "starting"},
        {},
    ],
    ids=["the standby still hears it", "one that starts", "no standby"],
)
def test_nothing_is_done_unless_a_standby_that_runs_hears_nothing_either(
    cluster: Cluster, standby: dict[str, Any]
) -> None:
    hosts = Hosts(standby)
    before = dict(hosts.entries)
    assert watched(cluster, hosts, False, False, False) == [""] * 3
    assert hosts.entries == before


def test_without_an_answer_of_the_standby_nothing_is_done(cluster: Cluster) -> None:
    hosts = Hosts(None)
    before = dict(hosts.entries)
    with pytest.raises(Unanswered):
        watched(cluster, hosts, False, False)
    assert hosts.entries == before


def test_without_a_primary_nothing_is_done(cluster: Cluster) -> None:
    hosts = Hosts(WAITING, holder="")
    before = dict(hosts.entries)
    assert watched(cluster, hosts, False, False) == [""] * 2
    assert hosts.entries == before


class Members(Asker):
    """Of etcd, of which some are silent; what is put for some seconds is noted."""

    def __init__(self, *silent: str) -> None:
        self.folder, self.silent = Path(), silent
        self.puts: list[tuple[str, int]] = []

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        if address in self.silent:
            raise Unanswered(address)
        asked: Any = body
        if path == "/v3/lease/grant":
            return Answer(200, {"ID": str(1000 + int(asked["TTL"]))}, None, None)
        if path == "/v3/kv/put":
            self.puts.append((text_of(asked["key"]), int(asked["lease"]) - 1000))
        found = [{"value": "", "mod_revision": "1"}] if self.puts else []
        return Answer(200, {"kvs": found}, None, None)


def test_all_know_from_etcd_that_it_watches_for_as_long_as_it_does(cluster: Cluster) -> None:
    clock, etcd = Clock(), Members("192.0.2.1")
    assert watches(etcd, cluster) is False
    watch = Watch(cluster, etcd, clock)
    for _ in range(3):
        watch.tell()
        clock.now += TOLD_EVERY_S / 2
    assert etcd.puts == [(WATCHES, TOLD_FOR_S)] * 2
    assert TOLD_FOR_S > 2 * TOLD_EVERY_S
    assert watches(etcd, cluster) is True


def test_nobody_knows_without_etcd_whether_it_watches(cluster: Cluster) -> None:
    assert watches(Members("192.0.2.1", "192.0.2.2", "192.0.2.3"), cluster) is None
