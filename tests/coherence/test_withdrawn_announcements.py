"""What was announced and never committed: its keys are cached again, and never too early.

A writer tells the fronts before it commits. If it dies in between, or its commit is refused, the floors of its keys
stand above everything that a replica can answer. Only the writer lock tells that nobody is about to commit it.
"""

import pytest

from bookstore_project.nodes import client
from bookstore_project.replication import failpoints
from bookstore_project.replication.transaction import settle
from frontend_app.runtime import Front
from tests.actors import Actor, Pause
from tests.coherence.simulated_cluster import Killed, SimulatedCluster, killed, look, write
from tests.waiting import wait_for


def announce_and_die(front: Front) -> None:
    """A writer that has told the front, and is killed before it commits."""
    told = front.coherence.invalidation_log.keys

    def die() -> None:
        wait_for(lambda: front.coherence.invalidation_log.keys > told)
        killed()

    failpoints.hooks["before-commit"] = die
    with pytest.raises(Killed):
        write().result()
    failpoints.hooks.clear()


def test_what_was_never_committed_is_cached_again_after_two_polls(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    announce_and_die(front)
    assert [look(front) for _ in range(2)] == [(known[0], "miss")] * 2, "it may be committed at any moment"
    assert cluster.poll(front), "it is still there: the front asks, the next time"
    assert cluster.poll(front)
    assert [look(front) for _ in range(2)] == [(known[0], "miss"), (known[0], "hit")]
    write().result()
    assert look(front) == (known[1], "miss"), "the next writer has the same position, and tells the front anew"


def test_what_is_about_to_be_committed_is_not_taken_back(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    failpoints.hooks["before-commit"] = hold = Pause()
    writer = write()
    hold.wait_until_reached()
    wait_for(lambda: front.coherence.invalidation_log.keys)
    for _ in range(3):
        assert cluster.poll(front)
        assert look(front) == (known[0], "miss")
    hold.let_go()
    writer.result()
    assert [look(front) for _ in range(2)] == [(known[1], "miss"), (known[1], "hit")]


def test_what_is_announced_while_the_answer_is_under_way_is_not_taken_back(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    """The next writer takes the position of the one that died, and the answer speaks of the time before it."""
    old = front.reads.cache.get("book:1")
    announce_and_die(front)
    assert cluster.poll(front)

    def write_meanwhile() -> None:
        cluster.on_poll = None
        write().result()

    cluster.on_poll = write_meanwhile
    assert cluster.poll(front)
    front.reads.cache.set("book:1", old)
    assert look(front) == (known[1], "miss")


def test_what_is_committed_while_the_poll_is_answered_is_not_taken_back(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    """After the lock was free, and before the log is read. Its push is lost, and so is the answer to the next poll,
    which confirms it."""
    old = front.reads.cache.get("book:1")
    announce_and_die(front)
    assert cluster.poll(front)
    cluster.unreachable.add("front")

    def commit_and_die() -> None:
        failpoints.hooks.clear()
        failpoints.hooks["committed"] = killed
        with pytest.raises(Killed):
            write().result()
        failpoints.hooks.clear()

    def lose_the_answer() -> None:
        raise client.NoAnswer("lost")

    failpoints.hooks["poll-recorded"] = commit_and_die
    assert cluster.poll(front)
    cluster.on_poll = lose_the_answer
    cluster.clock.while_asleep = lambda: cluster.poll(front)
    Actor(lambda: settle("catalog")).result()
    front.reads.cache.set("book:1", old)
    assert look(front) == (known[1], "miss")


def test_an_old_value_does_not_come_back_with_what_was_taken_back(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    """The floor falls to where the log ends, not to where it was."""
    oldest = front.reads.cache.get("book:1")
    assert oldest is not None
    write().result()
    announce_and_die(front)
    for _ in range(2):
        assert cluster.poll(front)
    front.reads.cache.set("book:1", oldest)
    assert look(front) == (known[1], "miss")
    assert look(front) == (known[1], "hit")


def test_a_write_that_was_settled_for_a_dead_writer_is_not_taken_back(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    failpoints.hooks["committed"] = killed
    with pytest.raises(Killed):
        write().result()
    failpoints.hooks.clear()
    for _ in range(3):
        assert cluster.poll(front)
    assert look(front) == (known[1], "miss")


def test_a_poll_asks_for_settling_once_until_it_is_answered(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    """Settling takes time where a file is locked: the lease mustn't run out over it."""
    announce_and_die(front)
    assert cluster.poll(front)
    assert [front.coherence.next_poll().is_settling for _ in range(2)] == [True, False]
    assert cluster.poll(front)
    assert front.coherence.next_poll().is_settling
