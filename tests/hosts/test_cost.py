"""What requests cost on three hosts, of what was counted."""

import pytest

from benchmarks.load import Load
from tests.hosts.cost import OTHERS, SERVERS, cost


def test_what_hosts_take_at_rest_is_no_cost_of_requests() -> None:
    loads = [Load(answered=100, failed=0, seconds=2.0, median_ms=ms, p99_ms=9.0) for ms in (3.0, 5.0, 4.0)]
    spent = [{SERVERS: 0.3, OTHERS: 1.0}, {SERVERS: 0.3, OTHERS: 1.2}, {SERVERS: 0.3, OTHERS: 1.1}]
    found = cost(loads, spent, {SERVERS: 0.05, OTHERS: 0.2})
    assert (found.rate, found.median_ms) == (50, 4)
    assert found.processor_ms == pytest.approx(9)
    assert found.servers_ms == pytest.approx(2)
