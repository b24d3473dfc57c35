"""How long a caller waits, on its way from node to node."""

import time
from typing import Any

import pytest

from bookstore_project.api import headers, problems
from bookstore_project.nodes import client, deadlines
from bookstore_project.nodes.balancing.tests.fakes import ONE
from bookstore_project.nodes.batches import Part, decode
from bookstore_project.nodes.clocks import Clocks
from bookstore_project.nodes.connections import Answer, Headers
from bookstore_project.nodes.deadlines import HOP_MARGIN_S


@pytest.mark.parametrize("text", ["2.5", "1", "0.001", "999999999"])
def test_a_timeout_is_a_number_of_seconds(text: str) -> None:
    assert deadlines.parse_timeout_s(text) == float(text)


@pytest.mark.parametrize(
    "text", ["", "0", "0.0", "-1", "soon", "1e3", "inf", "nan", "1_0", "١", "1.", ".5", "1 ", "1, 2", "9" * 400]
)
def test_nonsense_is_no_timeout(text: str) -> None:
    with pytest.raises(problems.Invalid) as caught:
        deadlines.parse_timeout_s(text)
    assert set(caught.value.extra["errors"]) == {headers.REQUEST_TIMEOUT}


def test_within_a_deadline_there_is_so_much_time_left() -> None:
    assert deadlines.left_s() == float("inf")
    with deadlines.until(time.time() + 1000):
        assert 900 < deadlines.left_s() <= 1000
        deadlines.assert_time_left()
        with deadlines.until(time.time() - 1):
            assert deadlines.left_s() == 0
            with pytest.raises(problems.Unavailable, match="after its deadline"):
                deadlines.assert_time_left()
        assert deadlines.left_s() > 900
    assert deadlines.current() is None


class Pool:
    """Takes a request as `pools.Pool`, and keeps what it was sent with."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        """Of its answers."""

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        self.sent.append(options)
        return Answer(200, Headers.of(self.headers.items()), b"")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    pool = Pool()
    monkeypatch.setattr(client, "_pool", lambda host, port: pool)
    monkeypatch.setattr(client, "clocks", Clocks())
    return pool


def test_each_hop_has_a_little_less_time_than_its_caller(pool: Pool) -> None:
    deadline = time.time() + 1000
    client.call(ONE, "GET", "/", timeout_s=5000, deadline=deadline)
    (sent,) = pool.sent
    assert float(sent["headers"][headers.DEADLINE]) == pytest.approx(deadline - HOP_MARGIN_S, abs=0.01)
    assert 900 < sent["read_s"] <= 1000


def test_without_time_left_nothing_is_sent(pool: Pool) -> None:
    with pytest.raises(client.NeverSent):
        client.call(ONE, "GET", "/", timeout_s=5, deadline=time.time() + HOP_MARGIN_S / 2)
    assert pool.sent == []


@pytest.mark.parametrize("off_s", [3600, -3600])
def test_a_node_whose_clock_is_wrong_is_told_its_deadline_in_its_time(pool: Pool, off_s: int) -> None:
    pool.headers[headers.CLOCK] = f"{time.time() + off_s:.3f}"
    client.call(ONE, "GET", "/readyz", timeout_s=5)
    deadline = time.time() + 1000
    client.call(ONE, "GET", "/", timeout_s=5000, deadline=deadline)
    with pytest.raises(client.NoAnswer):  # What comes back is no batch.
        client.call_all(ONE, "/", [Part(b"", {}, deadline)], timeout_s=5000, deadline=deadline)
    _, single, batch = pool.sent
    ((member, _),) = decode(batch["body"])
    own: Any = member["headers"]
    for sent in (single["headers"], batch["headers"], own):
        assert float(sent[headers.DEADLINE]) == pytest.approx(deadline + off_s, abs=1)
    assert 900 < single["read_s"] <= 1000, "as this clock has it"
