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
from bookstore_project.replication.tests.support.replica_files import Party, eventually, held
from catalog_app.services import book_create
from frontend_app.cache import reads
from frontend_app.cache.entries import CacheEntry
from frontend_app.cache.flights import Flight
from frontend_app.dashboard import state
from frontend_app.runtime import Front
from frontend_app.tests.support import fakes
from tests.coherence.town import PATIENCE_S, Hold, Town, look, move, prices, read, titles, write

NEW_BOOK = {"title": "The eighth", "authors": "A. N. Other", "topic": "eights", "price": "8.00", "quantity": 8}


# -------------------------------------------------------------------------------- old values that come late


def test_stale_fill(town: Town, front: Front) -> None:
    town.on_answer = hold = Hold()
    slow = read(front)
    hold.wait()
    write().result()
    hold.let_go()
    old, _ = slow.seen()
    _, new = prices(old, 1)
    assert look(front) == (new, "miss"), "the old value is in the cache, and must not count"
    assert look(front) == (new, "hit")


def test_stale_fill_after_an_eviction(town: Town, front: Front) -> None:
    town.on_answer = hold = Hold()
    slow = read(front)
    hold.wait()
    town.deliver_set(write().result())
    new, outcome = look(front)
    assert outcome == "hit"
    front.reads.cache.delete("book:1")  # As if it had been evicted: nothing of the new value is left.
    hold.let_go()
    assert slow.seen()[0] != new
    assert look(front) == (new, "miss")


def test_a_lagging_replica(town: Town, front: Front, known: list[str]) -> None:
    with held("catalog-2"):
        write().result()
    for _ in range(2):
        front.reads.cache.delete("book:1")
        assert look(front) == (known[1], "miss")
    assert {node for node, _ in town.reads} == {"catalog-1", "catalog-2"}, "the one that lags was asked, and refused"


def test_an_answer_below_the_floor_is_passed_on_and_not_kept(town: Town, front: Front, known: list[str]) -> None:
    failpoints.hooks["before-commit"] = hold = Hold()
    writer = write()
    hold.wait()
    eventually(lambda: front.coherence.invalidation_log.keys)
    assert [look(front) for _ in range(2)] == [(known[0], "miss")] * 2
    hold.let_go()
    writer.result()
    assert look(front) == (known[1], "miss")


def test_a_lost_push(town: Town, front: Front, known: list[str]) -> None:
    """The writer waits for the lease to run out; the poll makes good what was lost."""
    town.deaf.add("front")
    write().result()
    assert look(front) == (known[1], "bypass")
    town.deaf.clear()
    assert town.poll(front)
    assert [look(front) for _ in range(2)] == [(known[1], "miss"), (known[1], "hit")]


def test_a_lost_push_is_confirmed_by_polls_while_its_writer_waits(town: Town, front: Front, known: list[str]) -> None:
    ends = read_leases().valid["front", front.coherence.instance].expires
    town.deaf.add("front")
    town.clock.while_asleep = lambda: town.poll(front)
    write().result()
    assert town.clock.now < ends, "it didn't wait for the lease"
    assert look(front) == (known[1], "miss")


def test_reordered_pushes(town: Town, front: Front, known: list[str]) -> None:
    town.deaf.add("front")
    write().result()
    _, first = town.lost[0]
    town.deaf.clear()
    assert town.poll(front)
    town.deliver_set(write().result())
    assert town.deliver("front", first)
    assert [look(front) for _ in range(2)] == [(known[2], "miss"), (known[2], "hit")]
    older = {**first, "invalidate": [], "set": [[first["invalidate"][0][0], "book:1", "{}"]], "replica": "catalog-1"}
    assert town.deliver("front", older)
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
    town: Town, front: Front, joined: threading.Semaphore
) -> None:
    town.on_answer = hold = Hold()
    early = read(front)
    hold.wait()
    write().result()
    late = read(front)
    assert joined.acquire(timeout=PATIENCE_S)
    hold.let_go()
    old, _ = early.seen()
    assert late.seen()[0] == prices(old, 1)[1]


def test_an_error_of_the_loader_frees_its_waiters(town: Town, front: Front, joined: threading.Semaphore) -> None:
    hold, is_broken = Hold(), True

    def break_off() -> None:
        hold()
        if is_broken:
            raise client.NoAnswer("broken off")

    town.on_answer = break_off
    leader = read(front)
    hold.wait()
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
        front.health.passed(node, front.health.clock())
    assert look(front)[1] == "miss", "and the next reader finds no trace of it"


def test_64_clients_on_one_invalidated_key(
    town: Town, front: Front, known: list[str], joined: threading.Semaphore
) -> None:
    for price in known[1:3]:
        write().result()
        town.reads.clear()
        town.on_answer = hold = Hold()
        clients = [read(front) for _ in range(64)]
        hold.wait()
        for _ in range(63):
            assert joined.acquire(timeout=PATIENCE_S)
        hold.let_go()
        assert {each.seen() for each in clients} == {(price, "miss")}
        assert len(town.reads) == 1, "one of them asked for all"


def test_64_clients_whose_flight_set_out_too_early_share_the_next_one(
    town: Town, front: Front, known: list[str], joined: threading.Semaphore
) -> None:
    write().result()
    town.on_answer = hold = Hold()
    early = read(front)
    hold.wait()
    write().result()
    town.reads.clear()
    clients = [read(front) for _ in range(64)]
    for _ in clients:
        assert joined.acquire(timeout=PATIENCE_S)
    hold.let_go()
    assert early.seen() == (known[1], "miss")
    assert {price for price, _ in (each.seen() for each in clients)} == {known[2]}
    assert len(town.reads) == 1


# ---------------------------------------------------------------- timelines, topics, what isn't there, order


def test_a_timeline_change(town: Town, front: Front, known: list[str]) -> None:
    kept = front.reads.cache.get("book:1")
    old_timeline = front.coherence.timeline
    service = get_service("catalog")
    service.witness_file.unlink()
    assert Party(lambda: rebuild_witness(service)).result()
    assert look(front)[1] == "bypass", "the leases have run out"
    assert town.poll(front), "asked with a position of the old timeline"
    assert look(front)[1] == "bypass"
    assert town.poll(front)
    front.reads.cache.set("book:1", kept)
    assert look(front)[1] == "miss", "its position would do; its timeline is gone"
    late = {"timeline": old_timeline, "invalidate": [[99, ["book:1"]]], "set": []}
    assert not town.deliver("front", late), "whoever still writes there isn't told that it was taken"
    assert look(front)[1] == "hit"


def test_a_topic_move(town: Town, front: Front) -> None:
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
def test_a_topic_that_is_spelled_otherwise_is_as_fresh(town: Town, front: Front, spelled: str) -> None:
    """The catalog tells of changes by the one form of a topic."""
    move(1, "café noir")
    assert titles(front, spelled) == ([1], "miss")
    assert titles(front, "café noir") == ([1], "hit")
    move(2, "café noir")
    assert titles(front, spelled) == ([1, 2], "miss")


def test_a_negative_answer_then_creation(town: Town, front: Front) -> None:
    assert [look(front, 8) for _ in range(2)] == [("not_found", "miss"), ("not_found", "hit")]
    assert [titles(front, "eights") for _ in range(2)] == [([], "miss"), ([], "hit")]
    Party(lambda: book_create(fields=NEW_BOOK, actor="me")).result()
    assert look(front, 8) == ("8.00", "miss")
    assert titles(front, "eights") == ([8], "miss")


def test_a_negative_answer_that_comes_after_the_creation(town: Town, front: Front) -> None:
    town.on_answer = hold = Hold()
    slow = read(front, 8)
    hold.wait()
    Party(lambda: book_create(fields=NEW_BOOK, actor="me")).result()
    hold.let_go()
    assert slow.seen() == ("not_found", "miss")
    assert look(front, 8) == ("8.00", "miss")


def test_strict_eviction_order(town: Town) -> None:
    front = town.add_front("front", fakes.lru(max_entries=3))
    assert town.poll(front)

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
    town.deliver_set(position)
    assert keys() == ["book:1", "book:4", "book:3"]
    assert state.cache(front)["evictions"] == 1
    assert look(front, 2)[1] == "miss"
    assert keys() == ["book:4", "book:3", "book:2"]
