"""BOOKSTORE_FRONTS: how many fronts there are, where they listen, and what they take together."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http.request import split_domain_port, validate_host

from bookstore_project.cluster import display
from bookstore_project.cluster.tests.interpreter import python
from bookstore_project.settings import topology


def fronts(monkeypatch: pytest.MonkeyPatch, asked: str) -> dict[str, str]:
    monkeypatch.setenv("BOOKSTORE_FRONTS", asked)
    nodes = topology._nodes().values()
    return {node.name: node.address for node in nodes if node.service == topology.FRONT}


def test_fronts_have_addresses_of_their_own_and_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "has_address", lambda host: True)
    assert fronts(monkeypatch, "3") == {
        "front": "127.0.0.1:8000",
        "front-2": "127.0.0.2:8000",
        "front-3": "127.0.0.3:8000",
    }


def test_fronts_have_ports_of_their_own_where_there_is_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "has_address", lambda host: host == "127.0.0.1")
    assert fronts(monkeypatch, "2") == {"front": "127.0.0.1:8000", "front-2": "127.0.0.1:8100"}
    monkeypatch.setattr(topology, "NODES", topology._nodes())
    assert "front-2 listens on 127.0.0.1:8100: this machine has no other loopback address." in display.moved_nodes()


def test_fronts_may_be_named_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fronts(monkeypatch, "10.0.0.1:80, [::1]:81") == {"front": "10.0.0.1:80", "front-2": "[::1]:81"}


@pytest.mark.parametrize("address", ["10.0.0.1:80", "[fd00::1]:80", "[::1]:80"])
def test_nodes_accept_the_addresses_by_which_they_call_one_another(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    fronts(monkeypatch, address)
    monkeypatch.setattr(topology, "NODES", topology._nodes())
    domain, _ = split_domain_port(topology.NODES["front"].address)
    assert validate_host(domain, topology.names_of_hosts())


@pytest.mark.parametrize("asked", ["0", "10", "two", ",", "-1", "127.0.0.1:8000,2"])
def test_what_names_no_fronts_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"BOOKSTORE_FRONTS.*HOST:PORT"):
        fronts(monkeypatch, asked)


@pytest.mark.parametrize("count", [1, 2, 4, 9])
@pytest.mark.processes
def test_all_fronts_together_leave_half_of_an_order_replica_to_others(tmp_path: Path, count: int) -> None:
    code = (
        "from bookstore_project.settings.topology import *\n"
        "print(PURCHASE_CALLS_OF_A_FRONT * len(replicas(FRONT)), replicas(ORDER)[0].threads)"
    )
    answer = python(code, BOOKSTORE_DATA=str(tmp_path), BOOKSTORE_FRONTS=str(count))
    writes, threads = map(int, answer.stdout.split())
    assert writes <= threads / 2


def test_the_guide_names_every_front(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(topology, "has_address", lambda host: True)
    monkeypatch.setenv("BOOKSTORE_FRONTS", "2")
    monkeypatch.setattr(topology, "NODES", topology._nodes())
    text = "\n".join(display.guide(tmp_path / "staff-password"))
    assert "http://127.0.0.1:8000/\n" in text
    assert "http://127.0.0.2:8000/   (front-2" in text


def here(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str = "postgresql://bookstore@10.0.0.1,10.0.0.2/"
) -> list[str]:
    """The nodes of one of two hosts, neither of which is this machine."""
    monkeypatch.setenv("BOOKSTORE_HOSTS", "10.0.0.1,10.0.0.2")
    monkeypatch.setenv("BOOKSTORE_FRONTS", "10.0.0.1:8000,10.0.0.2:8000")
    monkeypatch.setenv("BOOKSTORE_HOST", host)
    monkeypatch.setattr(topology, "DATABASE_URL", url)
    monkeypatch.setattr(topology, "NODES", topology._nodes())
    return [node.name for node in topology.nodes_of_this_host()]


def test_a_host_runs_the_nodes_of_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert here(monkeypatch, "1") == ["front", "catalog-1", "order-1"]
    assert here(monkeypatch, "2") == ["front-2", "catalog-2", "order-2"]


def test_without_a_host_all_nodes_are_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(here(monkeypatch, "")) == len(topology.NODES)


@pytest.mark.parametrize("host", ["0", "3", "one"])
def test_a_host_that_is_none_of_them_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="expected 1 or 2"):
        here(monkeypatch, host)


def test_two_files_are_on_one_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="two files lie on one machine"):
        here(monkeypatch, "1", url="")
