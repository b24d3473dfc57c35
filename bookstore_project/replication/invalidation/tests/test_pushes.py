"""Invalidations: a front that may use its cache has heard of every visible write."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown
from bookstore_project.replication.interface import Lease, Leases
from bookstore_project.replication.invalidation import leases, polls, pushes
from bookstore_project.replication.invalidation.leases import record_lease
from bookstore_project.replication.tests.support.articles import raise_price
from bookstore_project.replication.tests.support.fake_fronts import ENTRY, HOLDER, LEASE, NOW, POLL, Pushes
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor
from tests.clock import Clock
from tests.waiting import wait_for


def test_a_push_that_breaks_after_the_commits_leaves_the_outcome_unknown(
    clock: Clock, seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a process that is shutting down: the entry is there, and "failed" would be a lie."""

    def push(*arguments: object) -> bool:
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(pushes, "push", push)
    record_lease(LEASE)
    with pytest.raises(OutcomeUnknown):
        raise_price()
    monkeypatch.undo()
    assert raise_price() == floor("shelf")
    assert_copies_equal("shelf")


def test_without_leases_nobody_is_told(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(replace(LEASE, expires=NOW))
    pushes.invalidate("t", [ENTRY])
    assert (sent_pushes.taken, clock.now) == ({}, NOW)


def test_every_front_with_a_lease_is_told_once(clock: Clock, sent_pushes: Pushes) -> None:
    for name in ("front", "front-2", "front-3"):
        leases.record_no_lease(name)
        record_lease(replace(LEASE, front=name))
    pushes.invalidate("t", [ENTRY])
    message = {"timeline": "t", "invalidate": [(7, ["article:1"])], "set": []}
    assert sent_pushes.taken == {name: [message] for name in ("front", "front-2", "front-3")}
    assert clock.now == NOW


def test_what_a_front_took_before_the_commits_is_not_told_again(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    pushes.invalidate("t", [ENTRY], pushes.announce("t", [ENTRY]))
    assert sent_pushes.taken == {"front": [{"timeline": "t", "invalidate": [(7, ["article:1"])], "set": []}]}


def test_a_front_that_began_anew_meanwhile_is_told_again(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    announced = pushes.announce("t", [ENTRY])
    assert all(answer.result() for answer in announced.values())
    record_lease(replace(LEASE, instance="its successor"))
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 2


def test_a_late_poll_of_a_former_process_does_not_pass_for_its_successor(clock: Clock, sent_pushes: Pushes) -> None:
    """A stopped replica may answer it long after the process that took the announcement is gone."""
    polls.answer("shelf", "shelf-1", POLL)
    announced = pushes.announce("t", [ENTRY])
    assert all(answer.result() for answer in announced.values())
    clock.now += 0.1
    polls.answer("shelf", "shelf-2", replace(POLL, instance="its successor"))
    clock.now += 0.1
    polls.answer("shelf", "shelf-1", POLL)
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 2


def test_polls_of_one_process_do_not_undo_what_it_took(clock: Clock, sent_pushes: Pushes) -> None:
    polls.answer("shelf", "shelf-1", POLL)
    announced = pushes.announce("t", [ENTRY])
    assert all(answer.result() for answer in announced.values())
    clock.now += 0.1
    polls.answer("shelf", "shelf-2", POLL)
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 1


def test_a_front_that_got_its_lease_meanwhile_is_told(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    announced = pushes.announce("t", [ENTRY])
    record_lease(replace(LEASE, front="front-2"))
    pushes.invalidate("t", [ENTRY], announced)
    assert {front: len(messages) for front, messages in sent_pushes.taken.items()} == {"front": 1, "front-2": 1}


def test_an_announcement_that_did_not_arrive_is_made_good(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    announced = pushes.announce("t", [ENTRY])
    assert not any(answer.result() for answer in announced.values())
    sent_pushes.unreachable.clear()
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 1


def test_an_entry_without_cache_keys_is_nobodys_business(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    pushes.invalidate("t", [replace(ENTRY, keys="[]")])
    assert pushes.announce("t", [replace(ENTRY, keys="[]")]) == {}
    assert sent_pushes.taken == {}


def test_an_unreachable_front_delays_a_write_until_its_lease_runs_out(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    record_lease(replace(LEASE, front="front-2"))
    sent_pushes.unreachable.add("front")
    pushes.invalidate("t", [ENTRY])
    assert LEASE.expires <= clock.now < LEASE.expires + 0.1
    assert leases.is_blocked(HOLDER)
    assert not leases.is_blocked(("front-2", "process"))
    assert list(sent_pushes.taken) == ["front-2"]


def test_a_lease_renewed_while_a_write_waits_is_waited_for_too(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    longer = replace(LEASE, expires=NOW + 2)
    clock.while_asleep = lambda: record_lease(longer) if clock.now < NOW + 1 else None
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= longer.expires


@pytest.mark.parametrize(
    ("confirmed", "is_enough"),
    [((7, "hash of 7"), True), ((7, "hash of another 7"), False), ((6, "hash of 7"), False), (None, False)],
)
def test_a_poll_that_confirms_this_entry_ends_the_wait(
    clock: Clock, sent_pushes: Pushes, confirmed: tuple[int, str] | None, is_enough: bool
) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    clock.while_asleep = lambda: record_lease(replace(LEASE, confirmed=confirmed))
    pushes.invalidate("t", [ENTRY])
    assert (clock.now < LEASE.expires) is is_enough


@pytest.mark.parametrize("is_folder_gone", [True, False])
def test_a_lease_whose_record_is_gone_is_waited_for(clock: Clock, sent_pushes: Pushes, is_folder_gone: bool) -> None:
    """Whoever removes the files must not make a front's cache stale: it has its lease all the same."""
    record_lease(LEASE)
    if is_folder_gone:
        shutil.rmtree(leases.lease_dir())
    else:
        (leases.lease_dir() / "front.json").unlink()
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= NOW + replication_settings.lease_s
    waited = clock.now
    pushes.invalidate("t", [ENTRY])
    assert clock.now == waited, "once is enough"


def test_a_front_that_polls_again_is_told_and_its_lost_record_waited_for(clock: Clock, sent_pushes: Pushes) -> None:
    """Another process of its name may have been on it, too."""
    shutil.rmtree(leases.lease_dir(), ignore_errors=True)
    clock.while_asleep = lambda: polls.answer("shelf", "shelf-1", POLL) if clock.now < NOW + 0.1 else None
    pushes.invalidate("t", [ENTRY])
    assert NOW + replication_settings.lease_s <= clock.now < NOW + 2 * replication_settings.lease_s
    assert sent_pushes.taken["front"][0]["invalidate"] == [(7, ["article:1"])]


def test_a_record_that_vanishes_while_a_writer_waits_counts_as_it_was(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    clock.while_asleep = lambda: (leases.lease_dir() / "front.json").unlink(missing_ok=True)
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= LEASE.expires


def test_a_write_becomes_visible_only_after_the_fronts_have_answered(
    seven_articles: Path, sent_pushes: Pushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = floor("shelf")
    seen: list[int] = []

    def look(lease: Lease, message: dict[str, Any]) -> bool:
        if not message["invalidate"]:  # Offers come when they come, perhaps of articles that the fixture put there.
            return True
        seen.append(floor("shelf"))
        return len(seen) > 1  # What is announced during the commits doesn't arrive; what is sent after them does.

    monkeypatch.setattr(pushes, "read_leases", lambda: Leases({} if len(seen) > 1 else {HOLDER: LEASE}, frozenset()))
    monkeypatch.setattr(pushes, "push", look)
    assert raise_price() == before + 1
    assert seen == [before, before]


def test_leases_are_read_after_the_commits(seven_articles: Path, sent_pushes: Pushes) -> None:
    """A front that got its lease while the files were committed may have cached the old value."""

    def poll() -> None:
        polls.answer("shelf", "shelf-2", POLL)

    failpoints.hooks["committed"] = poll
    position = raise_price()
    wait_for(lambda: len(sent_pushes.taken.get("front", [])) >= 1)
    assert sent_pushes.taken["front"][0]["invalidate"] == [(position, ["article:1"])]


def test_an_address_that_is_none_blocks_the_front_and_not_the_writer(clock: Clock) -> None:
    record_lease(replace(LEASE, address="nowhere"))
    pushes.invalidate("t", [ENTRY])
    assert leases.is_blocked(HOLDER)
