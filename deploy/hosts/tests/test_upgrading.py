import subprocess
from subprocess import CompletedProcess

import pytest

from deploy.hosts import upgrading
from deploy.hosts.asking import Asker
from deploy.hosts.cluster import Cluster, Host, Refused
from deploy.hosts.parts import Part, Places
from deploy.hosts.rendering import render
from deploy.hosts.secret_bundle import Bundle
from deploy.hosts.setting import Setting
from deploy.hosts.upgrading import REPLICAS, SPEAKS_TLS, StoreOfUnit
from tests.clock import Clock


class Nodes:
    """Of one host; notes what is done to them."""

    def __init__(self, refusal: str = "") -> None:
        self.done: list[str] = []
        self._refusal = refusal

    def manage(self, *command: str) -> "CompletedProcess[str]":
        self.done.append(" ".join(command))
        return CompletedProcess(command, bool(self._refusal), "", self._refusal)

    def stop(self) -> None:
        self.done.append("stop")

    def renew(self) -> None:
        self.done.append("renew")


class Hosts(Asker):
    """Whose nodes are ready, but for those of one host."""

    def __init__(self, unready: int = 0) -> None:
        self.asked: list[tuple[int, int]] = []
        """Host and port of each node that was."""
        self._unready = unready

    def node_is_ready(self, host: Host, port: int) -> bool:
        self.asked.append((host.number, port))
        return host.number != self._unready


def test_nodes_are_drained_before_they_end_and_let_in_once_they_are_ready(cluster: Cluster) -> None:
    store, hosts = Nodes(), Hosts()
    upgrading.upgrade(cluster.host(1), cluster, hosts, store, str, done_after_s=0)
    assert store.done == ["drain --this-host", "stop", "renew", "undrain --this-host"]
    assert hosts.asked == [(2, 8000), (1, 8001), (1, 8002), (1, 8000)]


def test_nothing_is_done_while_the_other_host_cannot_serve(cluster: Cluster) -> None:
    store = Nodes()
    with pytest.raises(Refused, match="The front of host1 isn't ready"):
        upgrading.upgrade(cluster.host(2), cluster, Hosts(unready=1), store, str, done_after_s=0)
    assert store.done == []


def test_nodes_that_cannot_be_drained_are_not_stopped(cluster: Cluster) -> None:
    store = Nodes(refusal="catalog-1 is the last.")
    with pytest.raises(Refused, match=r"catalog-1 is the last\. Mend it, and call again"):
        upgrading.upgrade(cluster.host(1), cluster, Hosts(), store, str, done_after_s=0)
    assert store.done == ["drain --this-host"]


def test_nodes_are_awaited_until_they_are_ready_and_not_for_ever(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, hosts = Clock(), Hosts(unready=1)
    monkeypatch.setattr(upgrading, "time", clock)
    with pytest.raises(Refused, match="journalctl -u bookstore-store"):
        upgrading.wait_for_nodes(cluster.host(1), hosts, REPLICAS, str)

    def get_ready() -> None:
        hosts._unready = 0

    hosts._unready, clock.while_asleep = 1, get_ready
    upgrading.wait_for_nodes(cluster.host(1), hosts, REPLICAS, str)
    assert hosts.asked[-2:] == [(1, 8001), (1, 8002)]


@pytest.mark.parametrize(("number", "helpers"), [(1, ("etcd-leader", "waking")), (3, ("takeover",))])
def test_what_else_runs_code_of_the_checkout_is_started_again_with_the_new_one(
    cluster: Cluster,
    bundle: Bundle,
    places: Places,
    number: int,
    helpers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[list[str]] = []

    def run(command: tuple[str, ...], **options: object) -> "CompletedProcess[str]":
        done.append(list(command))
        return CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    parts = render(Setting(cluster.host(number), cluster, bundle, places, memory_mb=4096))
    StoreOfUnit(parts, places, "v2", ("make",)).renew()
    assert [command[0] for command in done] == ["git", "make", "systemctl"]
    assert done[-1] == ["systemctl", "restart", *(f"bookstore-{name}.service" for name in helpers)]


def test_a_version_whose_nodes_speak_without_tls_is_refused_before_anything_is_done(
    cluster: Cluster, bundle: Bundle, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def run(command: tuple[str, ...], **options: object) -> "CompletedProcess[str]":
        done.append(command[3])
        return CompletedProcess(command, int("grep" in command))

    monkeypatch.setattr(subprocess, "run", run)
    store = StoreOfUnit(
        render(Setting(cluster.host(1), cluster, bundle, places, memory_mb=4096)), places, "v1", ("make",)
    )
    with pytest.raises(Refused, match=r"The nodes of v1 speak without TLS.* Nothing was changed"):
        store.require_version()
    assert done == ["fetch", "cat-file", "grep"]


def test_nodes_of_this_version_speak_tls(parts: tuple[Part, ...]) -> None:
    assert any(SPEAKS_TLS in part.environment for part in parts)
