"""Requests that wait for a node go together, each with its own answer; who hangs holds up nobody behind."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from bookstore_project.nodes.balancing import combining
from bookstore_project.nodes.balancing.combining import Combiner
from bookstore_project.nodes.batches import LARGEST_BYTES, Part
from bookstore_project.nodes.client import CallFailed, NeverSent, NoAnswer, Reply
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from tests.actors import Actor
from tests.waiting import PATIENCE_S, wait_for

ONE, TWO = topology.replicas(topology.ORDER)
PATH = "/api/v1/orders/"


class Wire:
    """Notes what is sent together, and lets each call end when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, list[bytes]]] = []
        self.may_end = threading.Event()
        self.fails: Callable[[], None] = lambda: None
        self.others: list[str] = []

    def all(self, node: Node, path: str, parts: Sequence[Part], *, timeout_s: float, deadline: float) -> list[Reply]:
        self.sent.append((node.name, [part.body for part in parts]))
        assert self.may_end.wait(PATIENCE_S)
        self.fails()
        return [Reply(201, {}, part.body) for part in parts]

    def one(self, node: Node, method: str, path: str, **options: object) -> Reply:
        self.others.append(f"{method} {path}")
        return Reply(200, {}, b"alone")

    def bodies(self) -> list[list[bytes]]:
        return [bodies for _, bodies in self.sent]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining, "PATIENCE_S", PATIENCE_S)


def ask(combiner: Combiner, body: bytes, node: Node = ONE, timeout_s: float = PATIENCE_S) -> bytes:
    return combiner(node, "POST", PATH, body=body, timeout_s=timeout_s, deadline=4e9).body


def waiting(combiner: Combiner, node: Node = ONE) -> int:
    return len(combiner._queues[node.name]._waiting) if node.name in combiner._queues else 0


def is_waiting(combiner: Combiner, count: int) -> bool:
    return waiting(combiner) == count


def crowd(combiner: Combiner, wire: Wire, bodies: Sequence[bytes]) -> list[Actor]:
    """The first one's call is under way, and the others wait, in this order."""
    actors = [Actor(partial(ask, combiner, bodies[0]))]
    wait_for(lambda: len(wire.sent) == 1, what="a call under way")
    for number, body in enumerate(bodies[1:], start=1):
        actors.append(Actor(partial(ask, combiner, body)))
        wait_for(partial(is_waiting, combiner, number), what="it waits")
    return actors


@pytest.mark.usefixtures("patient")
def test_those_that_wait_go_together_and_each_gets_its_own_answer(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    actors = crowd(combiner, wire, [b"a", b"b", b"c", b"d"])
    wire.may_end.set()
    assert [actor.result() for actor in actors] == [b"a", b"b", b"c", b"d"]
    assert wire.bodies() == [[b"a"], [b"b", b"c", b"d"]]


def test_who_finds_nobody_calls_at_once(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    wire.may_end.set()
    assert [ask(combiner, body) for body in (b"a", b"b")] == [b"a", b"b"]
    assert wire.bodies() == [[b"a"], [b"b"]]


def test_behind_a_node_that_hangs_the_next_call_begins(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    actors = [Actor(partial(ask, combiner, b"a"))]
    wait_for(lambda: len(wire.sent) == 1, what="a call under way")
    actors.append(Actor(partial(ask, combiner, b"b")))
    wait_for(lambda: len(wire.sent) == 2, what="another call, though the first one hangs")
    wire.may_end.set()
    assert [actor.result() for actor in actors] == [b"a", b"b"]


@pytest.mark.usefixtures("patient")
def test_a_hung_node_holds_up_no_other_node(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    actors = [Actor(partial(ask, combiner, b"a")), Actor(partial(ask, combiner, b"b", TWO))]
    wait_for(lambda: len(wire.sent) == 2, what="a call to each")
    wire.may_end.set()
    assert [actor.result() for actor in actors] == [b"a", b"b"]


def test_no_more_calls_are_under_way_than_may_be(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining, "PATIENCE_S", 0.0)
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=2)
    actors = [Actor(partial(ask, combiner, body)) for body in (b"a", b"b")]
    wait_for(lambda: len(wire.sent) == 2, what="two calls under way")
    actors.append(Actor(partial(ask, combiner, b"c", TWO)))
    wait_for(lambda: len(wire.sent) == 3, what="a call to the other node")
    with pytest.raises(NeverSent):
        ask(combiner, b"late", timeout_s=0.01)
    assert len(wire.sent) == 3
    assert waiting(combiner) == 0
    wire.may_end.set()
    assert [actor.result() for actor in actors] == [b"a", b"b", b"c"]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("failure", [NeverSent, NoAnswer])
def test_what_befalls_the_call_befalls_each_of_its_requests(wire: Wire, failure: type[CallFailed]) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)

    def fail() -> None:
        raise failure("gone")

    actors = crowd(combiner, wire, [b"a", b"b", b"c"])
    wire.fails = fail
    wire.may_end.set()
    for actor in actors:
        with pytest.raises(failure, match="gone"):
            actor.result()
    wire.fails = lambda: None
    assert ask(combiner, b"next") == b"next"


@pytest.mark.usefixtures("patient")
def test_after_a_defect_nobody_waits_for_ever(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)

    def break_() -> None:
        raise ZeroDivisionError

    actors = crowd(combiner, wire, [b"a", b"b", b"c"])
    wire.fails = break_
    wire.may_end.set()
    for actor in actors:
        with pytest.raises((ZeroDivisionError, NoAnswer)):
            actor.result()
    wire.fails = lambda: None
    assert ask(combiner, b"next") == b"next"


@pytest.mark.usefixtures("patient")
def test_who_has_less_time_goes_by_himself(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    actors = crowd(combiner, wire, [b"a", b"b"])
    actors.append(Actor(partial(ask, combiner, b"hurried", timeout_s=PATIENCE_S / 2)))
    wait_for(lambda: waiting(combiner) == 2, what="it waits, too")
    wire.may_end.set()
    assert [actor.result() for actor in actors] == [b"a", b"b", b"hurried"]
    assert sorted(wire.bodies()) == [[b"a"], [b"b"], [b"hurried"]]


@pytest.mark.usefixtures("patient")
def test_a_batch_is_bounded_in_bytes(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    large = b"x" * LARGEST_BYTES
    actors = crowd(combiner, wire, [b"a", b"b", large, b"c"])
    wire.may_end.set()
    assert [actor.result() for actor in actors] == [b"a", b"b", large, b"c"]
    assert all(len(bodies) == 1 or sum(map(len, bodies)) <= LARGEST_BYTES for bodies in wire.bodies())


def test_all_else_goes_the_usual_way(wire: Wire) -> None:
    combiner = Combiner(PATH, wire.one, wire.all, most_calls=4)
    assert combiner(ONE, "GET", PATH, timeout_s=1.0, deadline=4e9).body == b"alone"
    assert combiner(ONE, "POST", "/elsewhere/", body=b"{}", timeout_s=1.0, deadline=4e9).body == b"alone"
    assert wire.others == [f"GET {PATH}", "POST /elsewhere/"]
    assert wire.sent == []
