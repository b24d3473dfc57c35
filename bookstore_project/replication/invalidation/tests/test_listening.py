"""Who listens is remembered, for what promises nothing: announcements, and new answers."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bookstore_project import files
from bookstore_project.replication.interface import Lease
from bookstore_project.replication.invalidation import leases, polls, pushes, set_pushes
from bookstore_project.replication.tests.support.fake_fronts import ENTRY, LEASE, NOW, POLL, ListeningFront, Pushes
from tests.clock import Clock
from tests.waiting import wait_for

ANSWER = set_pushes.SetPush("t", 7, lambda: "{}")


def record_elsewhere(lease: Lease) -> None:
    """As another process does: this one isn't told."""
    files.write(leases.lease_dir() / f"{lease.front}.json", json.dumps({"leases": [asdict(lease)]}).encode())


def fail(*_: object) -> None:
    raise AssertionError


def test_a_front_that_got_its_lease_at_another_replica_is_told_by_the_next_write(
    clock: Clock, sent_pushes: Pushes
) -> None:
    pushes.invalidate("t", [ENTRY], pushes.announce("t", [ENTRY]))
    record_elsewhere(LEASE)
    pushes.invalidate("t", [ENTRY], pushes.announce("t", [ENTRY]))
    assert len(sent_pushes.taken["front"]) == 1


def test_a_write_is_announced_to_those_who_listened_at_the_last_one(
    clock: Clock, sent_pushes: Pushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_elsewhere(LEASE)
    pushes.invalidate("t", [ENTRY])
    monkeypatch.setattr(pushes, "read_leases", fail)
    assert pushes.announce("t", [ENTRY]).keys() == {LEASE.holder}


def test_whoever_has_run_out_since_is_looked_for(clock: Clock, sent_pushes: Pushes) -> None:
    record_elsewhere(LEASE)
    pushes.invalidate("t", [ENTRY])
    clock.now = NOW + LEASE.lease_s
    assert pushes.announce("t", [ENTRY]).keys() == set()
    record_elsewhere(replace(LEASE, expires=clock.now + LEASE.lease_s))
    assert pushes.announce("t", [ENTRY]).keys() == {LEASE.holder}


def test_nobody_is_woken_up_for_an_answer_that_no_front_wants(
    empty_store: Path, front: ListeningFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(ENTRY, keys='["article:77"]')
    monkeypatch.setattr(set_pushes, "_start", fail)
    pushes.invalidate("t", [entry])
    set_pushes.enqueue("article:77", ANSWER)
    polls.answer("shelf", "shelf-1", replace(POLL, address=front.lease.address, lease_s=30))
    front.answer = b'{"wanted": []}'
    pushes.invalidate("t", [entry])
    set_pushes.enqueue("article:77", ANSWER)


def test_a_front_that_has_its_lease_since_the_write_is_sent_the_new_answer(
    empty_store: Path, front: ListeningFront
) -> None:
    pushes.invalidate("t", [ENTRY])
    polls.answer("shelf", "shelf-1", replace(POLL, address=front.lease.address, lease_s=30))
    set_pushes.enqueue("article:1", ANSWER)
    wait_for(lambda: [[7, "article:1", "{}"]] in [message["set"] for message in front.messages])
