"""Leases and dying writers, step by step: who may still show what, and until when.

Every test is named after its schedule. `look` begins after what the line before it has ended: what was acknowledged
by then must be seen.
"""

import pytest

from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.invalidation.leases import is_blocked
from bookstore_project.replication.tests.support.fake_fronts import LEASE_S
from bookstore_project.replication.tests.support.replica_files import floor
from catalog_app.models import Book
from frontend_app.runtime import Front
from tests.actors import Actor, Pause
from tests.coherence.simulated_cluster import Killed, SimulatedCluster, killed, look, read, write


def pause_in_lease_check(front: Front) -> Pause:
    """Stops the next reader that has looked at its lease, before it looks at the floor."""
    hold, now = Pause(), front.coherence.clock

    def clock() -> float:
        seconds = now()
        hold()
        return seconds

    front.coherence.clock = clock
    return hold


def test_a_reader_paused_between_lease_check_and_floor(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    hold = pause_in_lease_check(front)
    paused = read(front)
    hold.wait_until_reached()
    write().result()
    hold.let_go()
    assert paused.seen() == (known[1], "miss")
    assert look(front) == (known[1], "hit")


def test_a_reader_paused_between_lease_check_and_floor_while_the_front_is_cut_off(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    hold = pause_in_lease_check(front)
    paused = read(front)
    hold.wait_until_reached()
    cluster.unreachable.add("front")
    write().result()
    hold.let_go()
    assert paused.seen()[0] in known[:2], "it began before the write: either is right"
    assert look(front) == (known[1], "bypass")


@pytest.mark.parametrize(
    "point", ["before-commit", "committed-catalog-1", "committed", "leases-read", "invalidated", "floor"]
)
def test_a_lease_registered_between_the_writers_look_and_its_commit(
    cluster: SimulatedCluster, front: Front, known: list[str], point: str
) -> None:
    """Also a little later. The front begins anew over a cache that is warm with the old value."""
    cluster.clock.now += LEASE_S
    begun = cluster.add_front("front", front.reads.cache)
    failpoints.hooks[point] = lambda: cluster.poll(begun)
    write().result()
    failpoints.hooks.clear()
    assert begun.coherence.lease_until > cluster.clock.now
    assert look(begun)[0] == known[1]


def test_a_lease_registered_before_the_commit_and_an_old_value_cached_under_it(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    cluster.clock.now += LEASE_S

    def poll_and_cache() -> None:
        assert cluster.poll(front)
        assert look(front)[0] == known[0]
        assert look(front) == (known[0], "hit")

    failpoints.hooks["before-commit"] = poll_and_cache
    write().result()
    assert look(front) == (known[1], "miss")


def test_pushes_fail_while_polls_succeed(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    cluster.unreachable.add("front")
    write().result()
    waited = cluster.clock.now
    assert is_blocked(("front", front.coherence.instance))
    assert cluster.poll(front)
    assert look(front) == (known[1], "bypass"), "it got no lease"
    write().result()
    assert cluster.clock.now == waited, "nobody waits for it a second time"
    assert look(front) == (known[2], "bypass")
    cluster.unreachable.clear()
    assert cluster.poll(front)
    assert [look(front) for _ in range(2)] == [(known[2], "miss"), (known[2], "hit")]


def test_a_front_stopped_for_three_leases(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    hold = pause_in_lease_check(front)
    in_the_middle = read(front)
    hold.wait_until_reached()
    cluster.unreachable.add("front")
    began = cluster.clock.now
    for _ in range(3):
        write().result()
        cluster.clock.now += LEASE_S
    assert cluster.clock.now < began + 4.5 * LEASE_S, "it delayed the first writer, and no other"
    cluster.unreachable.clear()
    hold.let_go()
    assert in_the_middle.seen()[0] in known[:4]
    assert look(front) == (known[3], "bypass")
    assert cluster.poll(front)
    assert [look(front) for _ in range(2)] == [(known[3], "miss"), (known[3], "hit")]


# ------------------------------------------------------------------------------------ writers that die


def test_a_writer_killed_between_commit_and_floor(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    """Its announcement was lost, too. The old value is right until somebody has seen the new one."""
    cluster.unreachable.add("front")
    failpoints.hooks["committed"] = killed
    with pytest.raises(Killed):
        write().result()
    failpoints.hooks.clear()
    assert look(front) == (known[0], "hit"), "nobody was promised anything else"

    def read_past_the_cache() -> str:
        with reads.reading("catalog", alias="catalog-2"):
            return str(Book.objects.get(pk=1).price)

    assert Actor(read_past_the_cache).result() == known[1]
    assert look(front) == (known[1], "bypass"), "somebody has seen it"


def test_a_writer_killed_between_commit_and_floor_is_finished_by_the_next_reader(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    failpoints.hooks["invalidated"] = killed
    with pytest.raises(Killed):
        write().result()
    failpoints.hooks.clear()
    assert [look(front) for _ in range(2)] == [(known[1], "miss"), (known[1], "hit")]


def test_a_writer_killed_between_floor_and_set(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    failpoints.hooks["floor"] = killed
    with pytest.raises(Killed):
        write().result()
    failpoints.hooks.clear()
    assert [look(front) for _ in range(2)] == [(known[1], "miss"), (known[1], "hit")]
    assert not cluster.sets_of(floor("catalog"))


def test_a_front_restarted_over_a_warm_cache(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    cluster.unreachable.add("front")
    cluster.clock.now += LEASE_S
    write().result()
    begun = cluster.add_front("front", front.reads.cache)
    cluster.unreachable.clear()
    assert cluster.poll(begun)
    assert look(begun) == (known[1], "miss")
