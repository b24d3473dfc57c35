"""BOOKSTORE_FRONTS: how many fronts there are, where they listen, and what they take together."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

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
