"""To whom something is done."""

from types import SimpleNamespace
from typing import Any

import pytest

from deploy.hosts.cluster import parse_hosts
from tests.hosts.hosts import Hosts


@pytest.mark.parametrize(("of", "number"), [("primary", 2), ("standby", 1), ("vote", 3)])
def test_it_is_waited_for_until_somebody_knows_the_primary(of: str, number: int) -> None:
    """On a busy machine no Patroni may answer in time, once."""
    cluster = parse_hosts("192.0.2.1,192.0.2.2,192.0.2.3")
    machines = {host.number: SimpleNamespace(host=host) for host in cluster.hosts}
    told = iter([None, machines[2]])
    hosts: Any = SimpleNamespace(machines=machines, primary=lambda: next(told))
    assert Hosts.victim(hosts, of).host.number == number
