"""Whether doors of three hosts are open and shut as they should be."""

from contextlib import nullcontext
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.hosts.cluster import parse_hosts
from tests.hosts import doors


class Answers:
    """To strangers none. To staff 200, but the first time nothing: the machine is busy."""

    def __init__(self) -> None:
        self.known: set[int] = set()

    def of(self, connection: HTTPConnection, path: str) -> int:
        is_first = connection.port not in self.known
        if path != "/healthz":
            self.known.add(connection.port)
        return 0 if path == "/healthz" or is_first else 200


def test_staff_of_a_slow_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_status", Answers().of)
    cluster, card = parse_hosts("192.0.2.1,192.0.2.2,192.0.2.3"), SimpleNamespace(entered=nullcontext)
    network = SimpleNamespace(switch=card, cards={host.number: card for host in cluster.hosts})
    hosts: Any = SimpleNamespace(cluster=cluster, network=network)
    assert doors.wrong_doors(hosts) == []
