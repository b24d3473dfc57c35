"""Pushes over real sockets."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from bookstore_project.replication.invalidation import polls, pushes, set_pushes
from bookstore_project.replication.invalidation.messages import PushMessage
from bookstore_project.replication.tests.support.fake_fronts import LEASE, POLL, ListeningFront
from tests.waiting import wait_for


def test_a_push_carries_the_service_token(front: ListeningFront) -> None:
    assert pushes.push(front.lease, {"timeline": "é", "invalidate": [], "set": []})
    assert front.instances == {"process"}, "and says which process it is meant for"
    assert front.messages == [{"timeline": "é", "invalidate": [], "set": []}]
    assert front.tokens == {settings.SERVICE_TOKEN}


def test_a_push_that_is_refused_or_meets_nobody_has_not_arrived(front: ListeningFront) -> None:
    front.status = 503
    message: PushMessage = {"timeline": "t", "invalidate": [], "set": []}
    assert not pushes.push(front.lease, message)
    assert not pushes.push(replace(LEASE, address=f"127.0.0.9:{front.server_port}"), message)


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
