"""Each way in which a cache has been known to show an old value, step by step.

Every test is named after its schedule. `look` begins after what the line before it has ended: what was acknowledged
by then must be seen.
"""

import threading

import pytest

from bookstore_project.api.problems import Unavailable
from bookstore_project.nodes import client
from bookstore_project.replication import failpoints
from bookstore_project.replication.invalidation.leases import read_leases
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.repair.witness_rebuild import rebuild_witness
from bookstore_project.replication.tests.support.replica_files import held
from catalog_app.services import book_create
from frontend_app.cache import reads
from frontend_app.cache.entries import CacheEntry
from frontend_app.cache.flights import Flight
from frontend_app.dashboard import state
from frontend_app.runtime import Front
from frontend_app.tests.support import fakes
from tests.actors import Actor, Pause
from tests.coherence.simulated_cluster import SimulatedCluster, look, move, prices, read, titles, write
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.every_engine

NEW_BOOK = {"title": "The eighth", "authors": "A. N. Other", "topic": "eights", "price": "8.00", "quantity": 8}


# -------------------------------------------------------------------------------- old values that come late


def test_stale_fill(cluster: SimulatedCluster, front: Front) -> None:
    cluster.on_answer = hold = Pause()
    slow = read(front)
    hold.wait_until_reached()
    write().result()
    hold.let_go()
    old, _ = slow.seen()
    _, new = prices(old, 1)
    assert look(front) == (new, "miss"), "the old value is in the cache, and must not count"
    assert look(front) == (new, "hit")


def test_stale_fill_after_an_eviction(cluster: SimulatedCluster, front: Front) -> None:
    cluster.on_answer = hold = Pause()
    slow = read(front)
    hold.wait_until_reached()
    cluster.deliver_set(write().result())
    new, outcome = look(front)
    assert outcome == "hit"
    front.reads.cache.delete("book:1")  # As if it had been evicted: nothing of the new value is left.
    hold.let_go()
    assert slow.seen()[0] != new
    assert look(front) == (new, "miss")


@pytest.mark.two_files
def test_a_lagging_replica(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    with held("catalog-2"):
        write().result()
    for _ in range(2):
        front.reads.cache.delete("book:1")
        assert look(front) == (known[1], "miss")
    assert {node for node, _ in cluster.reads} == {"catalog-1", "catalog-2"}, (
        "the one that lags was asked, and refused"
    )


def test_an_answer_below_the_floor_is_passed_on_and_not_kept(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    failpoints.hooks["before-commit"] = hold = Pause()
    writer = write()
    hold.wait_until_reached()
    wait_for(lambda: front.coherence.invalidation_log.keys)
    assert [look(front) for _ in range(2)] == [(known[0], "miss")] * 2
    hold.let_go()
    writer.result()
    assert look(front) == (known[1], "miss")


def test_a_lost_push(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    """The writer waits for the lease to run out; the poll makes good what was lost."""
    cluster.unreachable.add("front")
    write().result()
    assert look(front) == (known[1], "bypass")
    cluster.unreachable.clear()
    assert cluster.poll(front)
    assert [look(front) for _ in range(2)] == [(known[1], "miss"), (known[1], "hit")]


@pytest.mark.two_files
def test_a_lost_push_is_confirmed_by_polls_while_its_writer_waits(
    cluster: SimulatedCluster, front: Front, known: list[str]
) -> None:
    ends = read_leases().valid["front", front.coherence.instance].expires
    cluster.unreachable.add("front")
    cluster.clock.while_asleep = lambda: cluster.poll(front)
    write().result()
    assert cluster.clock.now < ends, "it didn't wait for the lease"
    assert look(front) == (known[1], "miss")


def test_reordered_pushes(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    cluster.unreachable.add("front")
    write().result()
    _, first = cluster.lost[0]
    cluster.unreachable.clear()
    assert cluster.poll(front)
    cluster.deliver_set(write().result())
    assert cluster.deliver("front", first)
    assert [look(front) for _ in range(2)] == [(known[2], "miss"), (known[2], "hit")]
    older = {**first, "invalidate": [], "set": [[first["invalidate"][0][0], "book:1", "{}"]], "replica": "catalog-1"}
    assert cluster.deliver("front", older)
    assert look(front) == (known[2], "hit")


# ------------------------------------------------------------------------------------------ flights


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released once by each reader who waits for another's flight; waits as long as it takes."""
    count, wait = threading.Semaphore(0), Flight.wait

    def counted(flight: Flight, timeout_s: float) -> CacheEntry | None:
        count.release()
        return wait(flight, timeout_s)

    monkeypatch.setattr(Flight, "wait", counted)
    monkeypatch.setattr(reads, "FLIGHT_WAIT_S", 10 * PATIENCE_S)
    return count


def test_a_flight_started_before_the_write_and_joined_after_the_acknowledgement(
    cluster: SimulatedCluster, front: Front, joined: threading.Semaphore
) -> None:
    cluster.on_answer = hold = Pause()
    early = read(front)
    hold.wait_until_reached()
    write().result()
    late = read(front)
    assert joined.acquire(timeout=PATIENCE_S)
    hold.let_go()
    old, _ = early.seen()
    assert late.seen()[0] == prices(old, 1)[1]


def test_an_error_of_the_loader_frees_its_waiters(
    cluster: SimulatedCluster, front: Front, joined: threading.Semaphore
) -> None:
    hold, is_broken = Pause(), True

    def break_off() -> None:
        hold()
        if is_broken:
            raise client.NoAnswer("broken off")

    cluster.on_answer = break_off
    leader = read(front)
    hold.wait_until_reached()
    waiters = [read(front) for _ in range(5)]
    for _ in waiters:
        assert joined.acquire(timeout=PATIENCE_S)
    hold.let_go()
    with pytest.raises(Unavailable):
        leader.seen()
    for waiter in waiters:
        with pytest.raises(Unavailable):
            waiter.seen()
    is_broken = False
    for node in front.catalog.nodes:  # The replicas answer checks again.
        front.breakers.passed(node, front.breakers.clock())
    assert look(front)[1] == "miss", "and the next reader finds no trace of it"


def test_64_clients_on_one_invalidated_key(
    cluster: SimulatedCluster, front: Front, known: list[str], joined: threading.Semaphore
) -> None:
    for price in known[1:3]:
        write().result()
        cluster.reads.clear()
        cluster.on_answer = hold = Pause()
        clients = [read(front) for _ in range(64)]
        hold.wait_until_reached()
        for _ in range(63):
            assert joined.acquire(timeout=PATIENCE_S)
        hold.let_go()
        assert {each.seen() for each in clients} == {(price, "miss")}
        assert len(cluster.reads) == 1, "one of them asked for all"


def test_64_clients_whose_flight_set_out_too_early_share_the_next_one(
    cluster: SimulatedCluster, front: Front, known: list[str], joined: threading.Semaphore
) -> None:
    write().result()
    cluster.on_answer = hold = Pause()
    early = read(front)
    hold.wait_until_reached()
    write().result()
    cluster.reads.clear()
    clients = [read(front) for _ in range(64)]
    for _ in clients:
        assert joined.acquire(timeout=PATIENCE_S)
    hold.let_go()
    assert early.seen() == (known[1], "miss")
    assert {price for price, _ in (each.seen() for each in clients)} == {known[2]}
    assert len(cluster.reads) == 1


# ---------------------------------------------------------------- timelines, topics, what isn't there, order


@pytest.mark.two_files
def test_a_timeline_change(cluster: SimulatedCluster, front: Front, known: list[str]) -> None:
    kept = front.reads.cache.get("book:1")
    old_timeline = front.coherence.timeline
    service = get_service("catalog")
    service.witness_file.unlink()
    assert Actor(lambda: rebuild_witness(service)).result()
    assert look(front)[1] == "bypass", "the leases have run out"
    assert cluster.poll(front), "asked with a position of the old timeline"
    assert look(front)[1] == "bypass"
    assert cluster.poll(front)
    front.reads.cache.set("book:1", kept)
    assert look(front)[1] == "miss", "its position would do; its timeline is gone"
    late = {"timeline": old_timeline, "invalidate": [[99, ["book:1"]]], "set": []}
    assert not cluster.deliver("front", late), "whoever still writes there isn't told that it was taken"
    assert look(front)[1] == "hit"


def test_a_topic_move(cluster: SimulatedCluster, front: Front) -> None:
    old, new = "distributed systems", "undergraduate school"
    before = titles(front, old)[0], titles(front, new)[0]
    assert [titles(front, topic)[1] for topic in (old, new)] == ["hit", "hit"]
    moved = before[0][0]
    move(moved, new)
    assert titles(front, old) == ([book for book in before[0] if book != moved], "miss")
    assert titles(front, new) == (sorted([*before[1], moved]), "miss")
    assert [titles(front, topic)[1] for topic in (old, new)] == ["hit", "hit"]


@pytest.mark.parametrize(
    "spelled", ["cafe\u0301 noir", "café\u00a0noir", " café  noir"], ids=["decomposed", "no-break", "spaces"]
)
def test_a_topic_that_is_spelled_otherwise_is_as_fresh(cluster: SimulatedCluster, front: Front, spelled: str) -> None:
    """The catalog tells of changes by the one form of a topic."""
    move(1, "café noir")
    assert titles(front, spelled) == ([1], "miss")
    assert titles(front, "café noir") == ([1], "hit")
    move(2, "café noir")
    assert titles(front, spelled) == ([1, 2], "miss")


def test_a_negative_answer_then_creation(cluster: SimulatedCluster, front: Front) -> None:
    assert [look(front, 8) for _ in range(2)] == [("not_found", "miss"), ("not_found", "hit")]
    assert [titles(front, "eights") for _ in range(2)] == [([], "miss"), ([], "hit")]
    Actor(lambda: book_create(fields=NEW_BOOK, actor="me")).result()
    assert look(front, 8) == ("8.00", "miss")
    assert titles(front, "eights") == ([8], "miss")


def test_a_negative_answer_that_comes_after_the_creation(cluster: SimulatedCluster, front: Front) -> None:
    cluster.on_answer = hold = Pause()
    slow = read(front, 8)
    hold.wait_until_reached()
    Actor(lambda: book_create(fields=NEW_BOOK, actor="me")).result()
    hold.let_go()
    assert slow.seen() == ("not_found", "miss")
    assert look(front, 8) == ("8.00", "miss")


def test_strict_eviction_order(cluster: SimulatedCluster) -> None:
    front = cluster.add_front("front", fakes.lru(max_entries=3))
    assert cluster.poll(front)

    def keys() -> list[str]:
        described: list[str] = state.cache(front)["keys"]
        return described

    for book in (1, 2, 3):
        look(front, book)
    assert look(front, 1)[1] == "hit"
    assert keys() == ["book:2", "book:3", "book:1"]
    look(front, 4)
    assert keys() == ["book:3", "book:1", "book:4"]
    position = write(3).result()
    assert keys() == ["book:1", "book:4"], "an invalidation makes room"
    cluster.deliver_set(position)
    assert keys() == ["book:1", "book:4", "book:3"]
    assert state.cache(front)["evictions"] == 1
    assert look(front, 2)[1] == "miss"
    assert keys() == ["book:4", "book:3", "book:2"]
