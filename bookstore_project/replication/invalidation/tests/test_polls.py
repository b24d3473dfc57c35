"""Polls: the lease first, then what the front has missed; nobody is waited for."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from bookstore_project import files
from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.invalidation import leases, polls
from bookstore_project.replication.invalidation.leases import read_lease, read_leases, record_lease
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness, write_witness
from bookstore_project.replication.tests.support.articles import raise_price
from bookstore_project.replication.tests.support.fake_fronts import HOLDER, LEASE, LEASE_S, NOW, POLL, Pushes
from bookstore_project.replication.tests.support.replica_files import floor
from tests.actors import Actor, Pause
from tests.clock import Clock


def test_a_first_poll_gives_a_base_and_a_lease(clock: Clock) -> None:
    told = polls.answer("shelf", "shelf-1", POLL)
    witness = read_witness(get_service("shelf").witness_file)
    assert told == {
        "timeline": witness.timeline,
        "position": witness.floor,
        "renewed": True,
        "changes": [],
        "doubts": [],
        "base": True,
        "settled": None,
    }
    assert read_leases().valid[HOLDER].expires == NOW + LEASE_S


def test_a_poll_tells_what_changed_since(seven_articles: Path) -> None:
    since = floor("shelf")
    first, second = raise_price(1), raise_price(5)
    told = polls.answer("shelf", "shelf-2", replace(POLL, since=since))
    assert told["changes"] == [
        (first, ["article:1"]),
        (second, ["article:5"]),
    ]
    assert (told["position"], told["doubts"], told["base"]) == (second, [], False)


def test_a_poll_tells_of_writes_in_doubt_and_does_not_wait_for_them(seven_articles: Path) -> None:
    since, pause = floor("shelf"), Pause()
    failpoints.hooks["committed"] = pause
    writer = Actor(raise_price)
    pause.wait_until_reached()
    told = polls.answer("shelf", "shelf-2", replace(POLL, since=since))
    assert (told["position"], told["changes"]) == (since, [])
    ((position, digest, keys),) = told["doubts"]
    # Its lease makes the writer wait for it, and its next poll lets the writer go on.
    polls.answer("shelf", "shelf-1", replace(POLL, since=since, confirmed=(position, digest)))
    pause.let_go()
    assert writer.result() == position
    assert keys == ["article:1"]


def test_a_lease_is_recorded_before_the_log_is_read(seven_articles: Path, sent_pushes: Pushes) -> None:
    """A write between the two either sees the lease or stands in the answer: here, both."""
    since, position = floor("shelf"), 0

    def write() -> None:
        nonlocal position
        failpoints.hooks.clear()
        assert HOLDER in read_leases().valid
        position = int(str(Actor(raise_price).result()))

    failpoints.hooks["poll-recorded"] = write
    told = polls.answer("shelf", "shelf-1", replace(POLL, since=since))
    assert [change[0] for change in told["changes"]] == [position]
    assert sent_pushes.taken["front"][0]["invalidate"][0][0] == position


def test_a_poll_counts_the_lease_from_when_it_was_asked(clock: Clock) -> None:
    def dawdle() -> None:
        clock.now += 1

    failpoints.hooks["poll-began"] = dawdle
    polls.answer("shelf", "shelf-1", POLL)
    lease = read_lease(*HOLDER)
    assert lease is not None
    assert lease.expires == NOW + LEASE_S


def test_a_poll_never_shortens_a_lease(clock: Clock) -> None:
    record_lease(replace(LEASE, expires=NOW + 4, lease_s=4))
    polls.answer("shelf", "shelf-1", POLL)
    assert read_leases().valid[HOLDER].expires == NOW + 4


def test_a_blocked_front_gets_no_lease_until_a_push_reaches_it(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(replace(LEASE, expires=NOW + 0.5))
    leases.block(HOLDER)
    sent_pushes.unreachable.add("front")
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is False
    assert read_leases().valid[HOLDER].expires == NOW + 0.5, "the old lease stands, no longer than it did"
    clock.now += 1
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is False
    assert read_leases().valid == {}
    sent_pushes.unreachable.clear()
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is True
    assert not leases.is_blocked(HOLDER)
    assert HOLDER in read_leases().valid


def test_a_blocked_front_whose_record_is_lost_keeps_what_it_was_given(clock: Clock, sent_pushes: Pushes) -> None:
    """A record without a lease would let a writer go on, while the front still uses the one that it has."""
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is True
    leases.block(HOLDER)
    sent_pushes.unreachable.add("front")
    (leases.lease_dir() / "front.json").unlink()
    clock.now += 0.5
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is False
    assert read_leases().valid["front", ""].expires >= NOW + LEASE_S


def test_a_lease_that_cannot_be_recorded_is_not_given(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write", write)
    with pytest.raises(Unavailable, match="can't be recorded: No space left"):
        polls.answer("shelf", "shelf-1", POLL)
    assert HOLDER not in read_leases().valid


def test_a_folder_in_a_records_place_is_put_aside(clock: Clock, empty_store: Path) -> None:
    record = leases.lease_dir() / "front.json"
    record.unlink(missing_ok=True)
    record.mkdir()
    (leases.lease_dir() / "front.lock").rmdir() if (leases.lease_dir() / "front.lock").exists() else None
    assert polls.answer("shelf", "shelf-1", POLL)["renewed"] is True
    assert HOLDER in read_leases().valid
    assert [path.name for path in (empty_store / "aside").iterdir()] != []


def test_a_replica_out_of_sync_or_behind_answers_no_poll(seven_articles: Path) -> None:
    path = get_service("shelf").witness_file
    witness = read_witness(path)
    witness = write_witness(path, replace(witness, floor=witness.floor + 1), sync=False)
    with pytest.raises(Unavailable, match="below the settled position"):
        polls.answer("shelf", "shelf-2", POLL)
    write_witness(path, replace(witness, in_sync=("shelf-1",)), sync=False)
    with pytest.raises(Unavailable, match="out of sync"):
        polls.answer("shelf", "shelf-2", POLL)


def test_a_poll_that_asks_for_it_settles_and_tells_where_the_log_stands(seven_articles: Path) -> None:
    since = floor("shelf")
    assert polls.answer("shelf", "shelf-1", replace(POLL, since=since))["settled"] is None, "nobody asked"
    assert polls.answer("shelf", "shelf-1", replace(POLL, since=since, is_settling=True))["settled"] == since


def test_a_poll_does_not_wait_for_a_writer_at_work(seven_articles: Path) -> None:
    failpoints.hooks["before-commit"] = pause = Pause()
    writer = Actor(raise_price)
    pause.wait_until_reached()
    told = polls.answer("shelf", "shelf-2", replace(POLL, is_settling=True))
    assert told["settled"] is None
    pause.let_go()
    assert writer.result() == floor("shelf")
