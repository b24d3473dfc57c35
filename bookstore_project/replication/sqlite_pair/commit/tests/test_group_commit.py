"""Changes that wait for the lock together: one commit for all, and each as if it were alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from bookstore_project.nodes import deadlines
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable, WriteRefused
from bookstore_project.replication.interface import Committed
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.commit import recovery
from bookstore_project.replication.sqlite_pair.commit.opening import Opening
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.tests.shelf.models import Shelf, Thing
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    floor,
    head,
    opened,
    rows,
)
from bookstore_project.replication.transaction import run, run_all, settle
from bookstore_project.replication.writing import group
from tests.actors import Actor
from tests.waiting import wait_for

SHELVES = get_service("shelf")
BOTH = ("shelf-1", "shelf-2")

Change = Callable[[], object]


def in_a_group(change: Change, timeout_s: float = 60.0) -> Committed[object]:
    return run("shelf", change, timeout_s=timeout_s, in_group=True)


def shelf(name: str) -> Change:
    return lambda: Shelf.objects.create(name=name)


def names(alias: str) -> set[str]:
    return {str(name) for (name,) in rows(alias, "SELECT name FROM shelf_shelf")}


def waiting() -> int:
    return len(group.queue_of(SHELVES))


def waiting_more_than(count: int) -> bool:
    return waiting() > count


@contextmanager
def gathered(*changes: Change) -> Iterator[list[Actor]]:
    """Actors, one for each change, which wait for the lock in this order while the block runs."""
    actors: list[Actor] = []
    with writer_lock(SHELVES.lock_dir, timeout_s=60):
        for change in changes:
            before = waiting()
            actors.append(Actor(partial(in_a_group, change)))
            wait_for(partial(waiting_more_than, before), what="it stands in the queue")
        yield actors


def committed(actor: Actor) -> Committed[object]:
    outcome = actor.result()
    assert isinstance(outcome, Committed)
    return outcome


def together(*changes: Change) -> list[Actor]:
    """Has them made as one group."""
    with gathered(*changes) as actors:
        pass
    for actor in actors:
        actor.join(60)
        assert not actor.is_alive()
    return actors


@dataclass
class Seen:
    """What happened, counted at the protocol's points."""

    reached: dict[str, int] = field(default_factory=dict)
    invalidated: list[list[int]] = field(default_factory=list)

    def count(self, point: str) -> None:
        self.reached[point] = self.reached.get(point, 0) + 1


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    told = Seen()
    for point in ("begun", "made", "committed-shelf-1", "committed-shelf-2", "floor"):
        failpoints.hooks[point] = partial(told.count, point)
    invalidate = pushes.invalidate

    def noted(timeline: str, entries: list[Entry], *others: object) -> None:
        told.invalidated.append([entry.position for entry in entries])
        invalidate(timeline, entries)

    monkeypatch.setattr(pushes, "invalidate", noted)
    return told


# --------------------------------------------------------------------------------------------- one for all


def test_three_that_wait_are_one_commit_one_invalidation_and_one_floor(empty_store: Path, seen: Seen) -> None:
    before = head("shelf-1")
    actors = together(shelf("a"), shelf("b"), shelf("c"))
    positions = [committed(actor).position for actor in actors]
    assert positions == [before + 1, before + 2, before + 3]
    assert seen.reached == {"begun": 1, "made": 3, "committed-shelf-1": 1, "committed-shelf-2": 1, "floor": 1}
    assert seen.invalidated == [positions]
    assert floor("shelf") == before + 3
    assert names("shelf-1") == names("shelf-2") == {"a", "b", "c"}
    assert_copies_equal("shelf")


def test_who_finds_nobody_waiting_waits_for_nobody(empty_store: Path, seen: Seen) -> None:
    assert in_a_group(shelf("a")).position == head("shelf-2")
    assert seen.reached["made"] == 1
    assert waiting() == 0


def test_each_gets_its_own_answer_and_sees_those_before_it(empty_store: Path) -> None:
    def counted(name: str) -> tuple[str, int]:
        shelf(name)()
        return name, Shelf.objects.count()

    actors = together(*(partial(counted, name) for name in "abc"))
    assert [committed(actor).value for actor in actors] == [("a", 1), ("b", 2), ("c", 3)]


def test_a_large_group_is_made_in_parts(empty_store: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_MEMBERS", 2)
    for actor in together(*(shelf(name) for name in "abcde")):
        actor.result()
    assert seen.reached["begun"] == 3
    assert names("shelf-2") == set("abcde")


def test_a_change_is_made_in_the_context_of_its_caller(empty_store: Path) -> None:
    def until(deadline: float, change: Change) -> object:
        with deadlines.until(deadline):
            return in_a_group(change).value

    far = 4_000_000_000.0
    with writer_lock(SHELVES.lock_dir, timeout_s=60):
        actors = [Actor(partial(until, far + number, deadlines.current)) for number in range(3)]
        wait_for(lambda: waiting() == 3)
    assert [actor.result() for actor in actors] == [far, far + 1, far + 2]


def test_what_is_left_for_on_commit_runs_once_for_each_when_all_is_visible(empty_store: Path) -> None:
    told: list[tuple[str, int]] = []

    def change(name: str) -> None:
        made = Shelf.objects.create(name=name)
        transaction.on_commit(lambda: told.append((name, floor("shelf"))), using=made._state.db)
        if name == "b":
            raise ValueError(name)

    before = head("shelf-1")
    together(*(partial(change, name) for name in "abc"))
    assert sorted(told) == [("a", before + 2), ("c", before + 2)]


# ------------------------------------------------------------------------------------- that come together


def test_those_that_come_together_are_one_commit(empty_store: Path, seen: Seen) -> None:
    before = head("shelf-1")
    made = run_all("shelf", [shelf(name) for name in "abc"])
    assert [each.outcome().position for each in made] == [before + 1, before + 2, before + 3]
    assert seen.reached == {"begun": 1, "made": 3, "committed-shelf-1": 1, "committed-shelf-2": 1, "floor": 1}
    assert waiting() == 0
    assert_copies_equal("shelf")


def test_one_that_fails_is_its_own_affair_where_they_come_together(empty_store: Path) -> None:
    first, failed, last = run_all("shelf", [shelf("a"), lambda: in_vain(ValueError("no")), shelf("b")])
    with pytest.raises(ValueError, match="no"):
        failed.outcome()
    assert first.outcome().position + 1 == last.outcome().position
    assert names("shelf-1") == names("shelf-2") == {"a", "b"}


def test_more_than_a_group_holds_are_all_made(empty_store: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_MEMBERS", 2)
    for each in run_all("shelf", [shelf(name) for name in "abcde"]):
        each.outcome()
    assert seen.reached["begun"] == 3
    assert names("shelf-2") == set("abcde")


def test_without_the_lock_none_of_them_is_made_and_nobody_is_kept_waiting(empty_store: Path) -> None:
    with writer_lock(SHELVES.lock_dir, timeout_s=60):
        made = run_all("shelf", [shelf("a"), shelf("b")], timeout_s=0.01)
    for each in made:
        with pytest.raises(Unavailable):
            each.outcome()
    assert waiting() == 0
    assert in_a_group(shelf("c")).position == head("shelf-1")
    assert names("shelf-1") == {"c"}


def test_a_call_that_breaks_off_leaves_nobody_in_the_queue(
    empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "MOST_MEMBERS", 1)

    def break_() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all("shelf", [break_, shelf("a"), shelf("b")])
    assert waiting() == 0


def test_they_take_part_in_the_group_of_others(empty_store: Path, seen: Seen) -> None:
    with writer_lock(SHELVES.lock_dir, timeout_s=60):
        alone = Actor(partial(in_a_group, shelf("a")))
        wait_for(lambda: waiting() == 1)
        both = Actor(partial(run_all, "shelf", [shelf("b"), shelf("c")]))
        wait_for(lambda: waiting() == 3)
    alone.result()
    both.result()
    assert seen.reached["begun"] == 1
    assert names("shelf-1") == {"a", "b", "c"}


def test_they_do_not_begin_inside_of_another_write_or_a_read(empty_store: Path) -> None:
    def within() -> None:
        run_all("shelf", [shelf("a")])

    with pytest.raises(WriteRefused):
        run("shelf", within)
    with reads.reading("shelf"), pytest.raises(WriteRefused):
        within()


def test_their_callbacks_run_when_all_is_visible(empty_store: Path) -> None:
    told: list[tuple[str, int]] = []

    def change(name: str) -> None:
        made = Shelf.objects.create(name=name)
        transaction.on_commit(lambda: told.append((name, floor("shelf"))), using=made._state.db)

    before = head("shelf-1")
    run_all("shelf", [partial(change, name) for name in "ab"])
    assert told == [("a", before + 2), ("b", before + 2)]


# ------------------------------------------------------------------------------------ one that is refused


def in_vain(error: Exception) -> None:
    Shelf.objects.create(name="in vain")
    raise error


def twice() -> None:
    Shelf.objects.create(name="in vain")
    Shelf.objects.create(name="in vain")


def around_replication() -> None:
    Shelf.objects.create(name="in vain")
    Shelf.objects.using("shelf-2").create(name="in vain")


def of_nothing() -> None:
    """A row that refers to one that isn't there: SQLite finds it when it commits."""
    Thing.objects.create(name="in vain", shelf_id=999, home_id=999)


async def asynchronous() -> None:
    """Not awaited by anybody."""


REFUSED: dict[str, tuple[Change, type[Exception]]] = {
    "error of its own": (lambda: in_vain(ValueError("no")), ValueError),
    "constraint": (twice, IntegrityError),
    "other file": (around_replication, WriteRefused),
    "missing row": (of_nothing, IntegrityError),
    "coroutine": (asynchronous, WriteRefused),
    "unavailable": (lambda: in_vain(Unavailable("too late")), Unavailable),
    "unknown": (lambda: in_vain(OutcomeUnknown("who knows")), OutcomeUnknown),
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_takes_back_its_own_change_alone(empty_store: Path, case: str, place: int) -> None:
    refused, error = REFUSED[case]
    changes = [shelf("a"), shelf("b")]
    changes.insert(place, refused)
    actors = together(*changes)
    with pytest.raises(error):
        actors.pop(place).result()
    for actor in actors:
        actor.result()
    assert names("shelf-1") == names("shelf-2") == {"a", "b"}
    assert rows("shelf-1", "SELECT * FROM shelf_thing") == []
    assert_copies_equal("shelf")


def test_a_change_that_changes_nothing_leaves_nothing_to_the_next(empty_store: Path) -> None:
    first = run("shelf", shelf("a"))
    before = first.position

    def same_again() -> int:
        return Shelf.objects.filter(name="a").update(name="a")

    actors = together(same_again, shelf("b"), same_again)
    same, other, after = (committed(actor) for actor in actors)
    assert (same.value, after.value) == (1, 1)
    assert (same.changes, after.changes) == ((), ())
    assert [change.after and change.after["name"] for change in other.changes] == ["b"]
    assert head("shelf-1") == before + 1
    assert same.position == after.position == before + 1


# ------------------------------------------------------------------------------------------------- waiting


def test_whose_time_is_up_in_the_queue_is_told_so_and_nothing_of_it_is_made(empty_store: Path) -> None:
    with gathered(shelf("a")) as (leader,):
        with pytest.raises(Unavailable, match="nothing was changed"):
            in_a_group(shelf("late"), timeout_s=0)
        assert waiting() == 1
    leader.result()
    assert names("shelf-1") == {"a"}


def test_a_leader_whose_time_is_up_hands_over(empty_store: Path) -> None:
    with writer_lock(SHELVES.lock_dir, timeout_s=60):
        leader = Actor(partial(in_a_group, shelf("late"), timeout_s=0.5))
        wait_for(lambda: waiting() == 1)
        second = Actor(partial(in_a_group, shelf("b")))
        wait_for(lambda: waiting() == 2 or not leader.is_alive())
        with pytest.raises(Unavailable):
            leader.result()
    second.result()
    assert names("shelf-2") == {"b"}
    assert waiting() == 0


def test_who_comes_while_a_group_is_made_leads_the_next(empty_store: Path, seen: Seen) -> None:
    late: list[Actor] = []

    def come_late() -> None:
        del failpoints.hooks["shrunk"]
        late.append(Actor(partial(in_a_group, shelf("late"))))
        wait_for(lambda: waiting() == 1)

    failpoints.hooks["shrunk"] = come_late
    for actor in together(shelf("a"), shelf("b")):
        actor.result()
    late[0].result()
    assert seen.reached["begun"] == 2
    assert names("shelf-1") == {"a", "b", "late"}


class Stopped(BaseException):
    """As sys.exit() ends a thread."""


def test_nobody_waits_for_a_leader_that_is_gone(empty_store: Path) -> None:
    def stop() -> None:
        del failpoints.hooks["begun"]
        raise Stopped

    with gathered(shelf("a"), shelf("b"), shelf("c")) as actors:
        failpoints.hooks["begun"] = stop
    with pytest.raises(Stopped):
        actors[0].result()
    for actor in actors[1:]:
        with pytest.raises(OutcomeUnknown):
            actor.result()
    assert in_a_group(shelf("d")).position == head("shelf-1")
    assert names("shelf-1") == {"d"}


# ------------------------------------------------------------------------------------------ half-way failures


def test_what_a_commit_left_unknown_is_unknown_for_all_that_changed_something_and_looked_at_anew_for_others(
    empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that rests on what another member did must not be told if that never came to be."""

    def unless_taken() -> str:
        if Shelf.objects.filter(name="a").exists():
            raise ValueError("taken")
        return "free"

    commit_all, calls = recovery.commit_all, []

    def fails_once(opening: Opening) -> Witness:
        calls.append(opening)
        if len(calls) == 1:
            raise Unavailable("both disks are away")
        return commit_all(opening)

    monkeypatch.setattr("bookstore_project.replication.sqlite_pair.commit.attempt.commit_all", fails_once)
    first, second, third = together(shelf("a"), unless_taken, shelf("c"))
    for actor in (first, third):
        with pytest.raises(OutcomeUnknown):
            actor.result()
    assert committed(second).value == "free"


def test_the_errors_that_several_get_are_not_one_object(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is raised in a thread of its own, and grows by what is said of it there."""

    def fails(*arguments: object) -> None:
        raise Unavailable("both disks are away")

    monkeypatch.setattr("bookstore_project.replication.sqlite_pair.commit.attempt.commit_all", fails)
    errors = [actor.error for actor in together(shelf("a"), shelf("b"))]
    assert all(isinstance(error, OutcomeUnknown) for error in errors)
    assert errors[0] is not errors[1]


def test_fronts_that_cannot_be_told_make_it_unknown_for_all(
    empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise OSError("leases are away")

    with monkeypatch.context() as patched:
        patched.setattr(pushes, "invalidate", fails)
        actors = together(shelf("a"), shelf("b"), shelf("c"))
    for actor in actors:
        with pytest.raises(OutcomeUnknown):
            actor.result()
    settle("shelf")
    assert names("shelf-1") == names("shelf-2") == {"a", "b", "c"}


def test_a_file_lost_during_the_commit_is_taken_out_and_all_are_acknowledged(empty_store: Path) -> None:
    def lose_the_other() -> None:
        del failpoints.hooks["committed-shelf-1"]
        replication_settings.files["shelf-2"].unlink()

    failpoints.hooks["committed-shelf-1"] = lose_the_other
    for actor in together(shelf("a"), shelf("b"), shelf("c")):
        actor.result()
    assert read_witness(SHELVES.witness_file).in_sync == ("shelf-1",)
    assert names("shelf-1") == {"a", "b", "c"}


@pytest.mark.parametrize("alias", BOTH)
def test_a_row_damaged_in_one_file_has_all_made_anew_on_the_other_once(empty_store: Path, alias: str) -> None:
    run("shelf", shelf("worn"))
    with opened(alias) as connection:
        connection.execute("DROP TRIGGER IF EXISTS replication_shelf_shelf_update")
        connection.execute("UPDATE shelf_shelf SET name = 'torn'")
        connection.execute("DELETE FROM replication_pendingchange")
        connection.commit()

    def rename() -> None:
        worn = Shelf.objects.get()
        worn.name = "mended"
        worn.save()

    for actor in together(Shelf.objects.count, rename):
        actor.result()
    other = "shelf-2" if alias == "shelf-1" else "shelf-1"
    assert read_witness(SHELVES.witness_file).in_sync == (other,)
    assert names(other) == {"mended"}


# ------------------------------------------------------------------------------------------- a killed writer

THREE = """
import threading, time
from bookstore_project.replication.writing.group import queue_of
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.shelf.models import Shelf
from bookstore_project.replication.transaction import run
shelves = get_service("shelf")
def make(name):
    run("shelf", lambda: Shelf.objects.get_or_create(name=name), in_group=True)
with writer_lock(shelves.lock_dir):
    threads = [threading.Thread(target=make, args=(name,)) for name in "abc"]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while len(queue_of(shelves)) < number:
            time.sleep(0.001)
for thread in threads:
    thread.join()
"""
POINTS = ["group-locked", "begun", "made", "before-commit", *(f"committed-{alias}" for alias in BOTH)]
AFTER = ["committed", "invalidated", "floor"]


@pytest.mark.processes
@pytest.mark.parametrize("point", POINTS + AFTER)
def test_a_group_cut_short_is_all_there_or_not_at_all_and_made_once_by_retries(
    empty_store: Path, killed_at: KilledAt, point: str
) -> None:
    before = head("shelf-1")
    killed_at(point, THREE)
    is_made = point in POINTS[4:] + AFTER
    assert settle("shelf") == before + 3 * is_made
    assert names("shelf-1") == names("shelf-2") == (set("abc") if is_made else set())
    for name in "abc":
        in_a_group(partial(Shelf.objects.get_or_create, name=name))
    assert head("shelf-2") == before + 3
    assert_copies_equal("shelf")
