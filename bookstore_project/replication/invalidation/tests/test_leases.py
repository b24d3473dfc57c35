"""Leases: who may use its cache, until when; and two processes under one name."""

import json
from dataclasses import asdict, replace

import pytest

from bookstore_project.replication.interface import Lease, Leases
from bookstore_project.replication.invalidation import leases, polls, pushes
from bookstore_project.replication.invalidation.leases import read_lease, read_leases, record_lease
from bookstore_project.replication.tests.support.fake_fronts import (
    ENTRY,
    HOLDER,
    LEASE,
    NOW,
    POLL,
    Pushes,
)
from tests.clock import Clock


def test_a_lease_is_valid_until_it_expires(clock: Clock) -> None:
    record_lease(LEASE)
    assert read_leases().valid == {HOLDER: LEASE}
    clock.now = LEASE.expires - 0.001
    assert read_leases().valid == {HOLDER: LEASE}
    clock.now = LEASE.expires
    assert read_leases().valid == {}
    assert read_lease(*HOLDER) == LEASE


def test_a_lease_of_an_earlier_boot_is_void(clock: Clock) -> None:
    """The monotonic clock starts anew: a lease that ends in an hour was not given in this life."""
    record_lease(replace(LEASE, expires=NOW + 3600))
    assert read_leases().valid == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "null",
        '{"front": 1, "confirmed": null}',
        json.dumps(asdict(LEASE)),
        '{"leases": 7}',
        json.dumps({"leases": [asdict(LEASE) | {"expires": "soon"}]}),
        json.dumps({"leases": [asdict(LEASE) | {"expires": None}]}),
        json.dumps({"leases": [asdict(LEASE) | {"expires": float("nan")}]}),
        json.dumps({"leases": [asdict(LEASE) | {"lease_s": []}]}),
        json.dumps({"leases": [asdict(LEASE) | {"confirmed": 7}]}),
    ],
)
def test_of_what_is_no_lease_nothing_is_known(clock: Clock, content: str) -> None:
    """Writers wait as for a record that is gone, and the next poll writes it anew."""
    record_lease(LEASE)
    (leases.lease_dir() / "front.json").write_text(content)
    assert read_leases() == Leases({}, frozenset({"front"}))
    polls.answer("shelf", "shelf-1", POLL)
    assert HOLDER in read_leases().valid


# ------------------------------------------------------------------------- two processes under one name

OTHER = replace(LEASE, instance="another process", address="127.0.0.1:2")


def test_a_lease_belongs_to_one_process_whatever_others_of_its_name_do(clock: Clock) -> None:
    polls.answer("shelf", "shelf-1", POLL)
    clock.now += 1
    polls.answer("shelf", "shelf-2", replace(POLL, instance=OTHER.instance, address=OTHER.address))
    found = read_leases().valid
    assert {holder: lease.address for holder, lease in found.items()} == {
        HOLDER: POLL.address,
        OTHER.holder: OTHER.address,
    }
    assert found[HOLDER].expires < found[OTHER.holder].expires
    clock.now += 1
    assert list(read_leases().valid) == [OTHER.holder], "one's polls don't renew the other's"


def test_each_process_of_one_name_is_told(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def push(lease: Lease, message: object) -> bool:
        told.append(lease.address)
        return True

    monkeypatch.setattr(pushes, "push", push)
    record_lease(LEASE)
    record_lease(OTHER)
    pushes.invalidate("t", [ENTRY])
    assert sorted(told) == [LEASE.address, OTHER.address]
    assert clock.now == NOW


@pytest.mark.parametrize("unreachable", [LEASE, OTHER])
def test_the_one_that_is_unreachable_is_waited_for_though_the_other_took_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, unreachable: Lease
) -> None:
    monkeypatch.setattr(pushes, "push", lambda lease, message, timeout_s=0: lease.holder != unreachable.holder)
    record_lease(replace(LEASE, confirmed=None))
    record_lease(OTHER)
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= unreachable.expires
    assert [leases.is_blocked(lease.holder) for lease in (LEASE, OTHER)] == [
        LEASE is unreachable,
        OTHER is unreachable,
    ]


def test_what_ones_poll_confirms_the_other_may_not_have_heard_of(clock: Clock, sent_pushes: Pushes) -> None:
    sent_pushes.unreachable.add("front")
    record_lease(replace(LEASE, confirmed=(7, "hash of 7")))
    record_lease(OTHER)
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= OTHER.expires


def test_processes_that_are_gone_leave_nothing_behind(clock: Clock, sent_pushes: Pushes) -> None:
    for number in range(5):
        record_lease(replace(LEASE, instance=f"process {number}", expires=clock.now + 1))
        leases.block(("front", f"process {number}"))
        clock.now += 2
    record_lease(replace(LEASE, expires=clock.now + 1))
    assert [lease.instance for lease in leases.read_record("front") or ()] == ["process"]
    assert list(leases.lease_dir().glob("*.unreachable")) == []


def test_a_process_that_was_replaced_while_it_was_pushed_to_leaves_no_mark(clock: Clock) -> None:
    """The push fails after the other one, which forgets the marks of processes that are gone, was given its lease."""
    record_lease(replace(LEASE, instance="killed", expires=clock.now + 1))
    clock.now += 2
    record_lease(replace(LEASE, expires=clock.now + 1))
    leases.block(("front", "killed"))
    assert list(leases.lease_dir().glob("*.unreachable")) == []
    leases.block(HOLDER)
    assert leases.is_blocked(HOLDER)


def test_who_is_not_known_to_be_gone_is_marked(clock: Clock) -> None:
    (leases.lease_dir() / "front.json").unlink()
    leases.block(HOLDER)
    assert leases.is_blocked(HOLDER), "no record says who has a lease"
