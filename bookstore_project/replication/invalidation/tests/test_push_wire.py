"""Pushes over real sockets."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from bookstore_project.nodes import processes
from bookstore_project.replication.conf import front_at, replica_beside, replication_settings
from bookstore_project.replication.invalidation import ended, polls, pushes, set_pushes, unwanted
from bookstore_project.replication.invalidation.messages import PushMessage
from bookstore_project.replication.invalidation.sending import LARGEST_BEGUN_BYTES
from bookstore_project.replication.tests.support.fake_fronts import LEASE, POLL, ListeningFront
from bookstore_project.settings.topology import Node, parse_address
from tests.waiting import PATIENCE_S, wait_for


def test_a_push_carries_the_service_token(front: ListeningFront) -> None:
    assert pushes.push(front.lease, {"timeline": "é", "invalidate": [], "set": []}, PATIENCE_S)
    assert front.instances == {"process"}, "and says which process it is meant for"
    assert front.messages == [{"timeline": "é", "invalidate": [], "set": []}]
    assert front.tokens == {settings.SERVICE_TOKEN}


def test_a_push_that_is_refused_or_meets_nobody_has_not_arrived(front: ListeningFront) -> None:
    front.status = 503
    message: PushMessage = {"timeline": "t", "invalidate": [], "set": []}
    assert not pushes.push(front.lease, message)
    assert not pushes.push(replace(LEASE, address=f"127.0.0.9:{front.server_port}"), message)


def test_a_push_is_begun_where_a_connection_is_open(lasting_front: ListeningFront) -> None:
    """Whoever commits meanwhile hears later whether it was taken."""
    front, message = lasting_front, announcement("article:1")
    assert pushes.begin_push(front.lease, message) is None
    assert pushes.push(front.lease, message, PATIENCE_S)
    begun = pushes.begin_push(front.lease, message)
    assert begun is not None
    assert begun.result()
    assert (len(front.messages), front.instances) == (2, {"process"})
    assert pushes.begin_push(front.lease, announcement("x" * LARGEST_BEGUN_BYTES)) is None, "too large to wait for"


def test_a_begun_push_that_is_refused_has_not_arrived(lasting_front: ListeningFront) -> None:
    front, message = lasting_front, announcement("article:1")
    assert pushes.push(front.lease, message, PATIENCE_S)
    front.status = 409
    begun = pushes.begin_push(front.lease, message)
    assert begun is not None
    assert not begun.result()


def test_a_begun_push_says_what_the_front_wants(lasting_front: ListeningFront) -> None:
    front, message = lasting_front, announcement("article:10", "article:11")
    assert pushes.push(front.lease, message, PATIENCE_S)
    front.answer = b'{"wanted": ["article:10"]}'
    begun = pushes.begin_push(front.lease, message)
    assert begun is not None
    assert begun.result()
    told = [unwanted.is_unwanted(front.lease.holder, key, "t", 7) for key in ("article:10", "article:11")]
    assert told == [False, True]


def announcement(*keys: str) -> PushMessage:
    return {"timeline": "t", "invalidate": [(7, list(keys))], "set": []}


@pytest.mark.parametrize(
    ("answer", "is_ended"),
    [
        (b'{"wanted": [], "lease_ended": true}', True),
        (b'{"wanted": [], "lease_ended": false}', False),
        (b'{"wanted": []}', False),
        (b"[true]", False),
        (b"", False),
    ],
)
def test_a_lease_has_ended_if_the_front_says_so(front: ListeningFront, answer: bytes, is_ended: bool) -> None:
    """One of older code takes the push, and gives up nothing."""
    front.answer = answer
    assert pushes.end_leases([front.lease]) == ([front.lease.holder] if is_ended else [])
    assert front.messages == [{"timeline": "", "invalidate": [], "set": [], "ends_lease": True}]


def test_a_front_that_cannot_be_told_has_not_given_up(front: ListeningFront) -> None:
    front.status = 409
    assert pushes.end_leases([front.lease, replace(LEASE, address=f"127.0.0.9:{front.server_port}")]) == []


def test_an_answer_that_cannot_be_made_does_not_end_the_offers(
    empty_store: Path, front: ListeningFront, caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> str:
        raise ValueError("no such thing")

    polls.answer("shelf", "shelf-1", replace(POLL, address=front.lease.address, lease_s=30))
    set_pushes.enqueue("article:1", set_pushes.SetPush("t", 1, make))
    wait_for(lambda: "no such thing" in caplog.text)
    set_pushes.enqueue("article:1", set_pushes.SetPush("t", 2, lambda: "{}"))
    wait_for(lambda: [2, "article:1", "{}"] in [item for message in front.messages for item in message["set"]])


def test_a_front_is_sent_what_it_wants_in_place_of_what_it_kept(empty_store: Path, front: ListeningFront) -> None:
    polls.answer("shelf", "shelf-1", replace(POLL, address=front.lease.address, lease_s=30))
    front.answer = b'{"wanted": ["article:2"]}'
    assert pushes.push(
        front.lease, {"timeline": "t", "invalidate": [(7, ["article:6", "article:2"])], "set": []}, PATIENCE_S
    )
    for key, position in (("article:6", 7), ("article:2", 7), ("article:3", 7)):
        set_pushes.enqueue(key, set_pushes.SetPush("t", position, lambda: "{}"))
    wait_for(lambda: "article:3" in keys_sent(front))
    assert keys_sent(front) == ["article:2", "article:3"]


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b'{"wanted": 1}', b'{"wanted": [[]]}', b"\xff"])
def test_a_front_that_does_not_say_what_it_wants_is_sent_everything(
    empty_store: Path, front: ListeningFront, answer: bytes
) -> None:
    polls.answer("shelf", "shelf-1", replace(POLL, address=front.lease.address, lease_s=30))
    front.answer = answer
    assert pushes.push(front.lease, {"timeline": "t", "invalidate": [(7, ["article:9"])], "set": []}, PATIENCE_S)
    set_pushes.enqueue("article:9", set_pushes.SetPush("t", 7, lambda: "{}"))
    wait_for(lambda: keys_sent(front) == ["article:9"])


@pytest.mark.parametrize(("timeline", "position"), [("t", 8), ("another", 7)])
def test_what_the_front_said_is_about_that_position(
    empty_store: Path, front: ListeningFront, timeline: str, position: int
) -> None:
    polls.answer("shelf", "shelf-1", replace(POLL, address=front.lease.address, lease_s=30))
    front.answer = b'{"wanted": []}'
    assert pushes.push(front.lease, {"timeline": "t", "invalidate": [(7, ["article:8"])], "set": []}, PATIENCE_S)
    set_pushes.enqueue("article:8", set_pushes.SetPush(timeline, position, lambda: "{}"))
    wait_for(lambda: keys_sent(front) == ["article:8"])


def test_what_is_remembered_of_fronts_is_bounded(front: ListeningFront) -> None:
    front.answer = b'{"wanted": []}'
    keys = [f"article:{number}" for number in range(unwanted.MOST_KEPT + 1)]
    assert pushes.push(front.lease, {"timeline": "bounded", "invalidate": [(7, keys)], "set": []}, PATIENCE_S)
    assert not unwanted.is_unwanted(front.lease.holder, keys[0], "bounded", 7)
    assert unwanted.is_unwanted(front.lease.holder, keys[-1], "bounded", 7)


def keys_sent(front: ListeningFront) -> list[str]:
    return [key for message in front.messages for _, key, _ in message["set"]]


PROCESS = "0123456789abcdef.0123456789abcdef.1.1"
"""Of another machine."""


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (200, b'{"has_ended": true}', True),
        (200, b'{"has_ended": false}', False),
        (200, b'{"has_ended": null}', None),
        (200, b"x", None),
        (404, b'{"has_ended": true}', None),
    ],
)
def test_whether_a_front_has_ended_is_asked_where_it_ran(
    front: ListeningFront, monkeypatch: pytest.MonkeyPatch, status: int, answer: bytes, expected: object
) -> None:
    """A front whose port is refused may live, behind a firewall."""
    front.status, front.answer = status, answer
    monkeypatch.setattr(ended, "replica_beside", lambda *_: front_at("shelf-1", front.lease.address))
    assert pushes.has_ended(replace(front.lease, instance=PROCESS)) is expected


def test_of_a_front_on_no_known_host_nobody_can_tell() -> None:
    assert pushes.has_ended(replace(LEASE, address="192.0.2.9:1", instance=PROCESS)) is None
    assert pushes.has_ended(LEASE) is None, "it is of older code"


def test_a_front_of_this_machine_has_ended_as_its_kernel_says() -> None:
    own = processes.instance("0123456789abcdef")
    assert pushes.has_ended(replace(LEASE, instance=own)) is False
    assert pushes.has_ended(replace(LEASE, instance=own[:-1])) is True


def test_the_replica_beside_a_front_is_the_one_on_its_host() -> None:
    host, _ = parse_address("", replication_settings.address("shelf-2"))
    beside = replica_beside(Node("front", "front", host, 1, 0), "shelf")
    assert beside is not None
    assert replication_settings.address(beside.name).startswith(f"{host}:")
    assert replica_beside(Node("front", "front", "192.0.2.9", 1, 0), "shelf") is None
