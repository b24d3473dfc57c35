"""No interleaving of readers, pushes and polls may show an old answer after a new one was settled."""

import threading
from typing import Any

import pytest

from bookstore_project.api.cached_resources import TOPIC
from bookstore_project.api.problems import Unavailable
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import client
from frontend_app import services
from frontend_app.cache import awaited
from frontend_app.cache.awaited import Awaited
from frontend_app.cache.coherence import Cache, Coherence, History
from frontend_app.cache.entries import CacheEntry
from frontend_app.cache.flights import Flight
from frontend_app.cache.floors import Floors
from frontend_app.cache.keys import Key, key_of
from frontend_app.cache.lru import LRUCache
from frontend_app.cache.messages import Invalidation, Push
from frontend_app.runtime import Front
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Asked, Store, lease, make_front, poll_answer, push, push_set
from tests.clock import Clock
from tests.waiting import PATIENCE_S


@pytest.fixture
def store() -> Store:
    store = Store()
    store.put(1, price="10.00")
    return store


def look(front: Front, book_id: int = 1) -> tuple[str, str]:
    """Price and X-Cache of a read."""
    relay = services.read_book(front, book_id)
    return fakes.parsed(relay.body).get("price", ""), relay.headers["X-Cache"]


def is_found(front: Front) -> bool:
    """Whether the event loop would answer from the cache."""
    return front.coherence.find(front.reads.cache, "book:1", "book:1") is not None


class PausedReplica:
    """Reads at once, and keeps the answer back until it is let go: for a slow reader."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.has_read = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, asked: Asked) -> client.Reply:
        reply = self.store.answer(asked)
        self.has_read.set()
        assert self.let_go.wait(PATIENCE_S)
        return reply


def pause(store: Store) -> PausedReplica:
    paused = PausedReplica(store)
    store.behaviours = {"catalog-1": paused, "catalog-2": paused}
    return paused


class Reader(threading.Thread):
    """Reads the book in a thread of its own."""

    def __init__(self, front: Front) -> None:
        super().__init__(daemon=True)
        self.front = front
        self.result: tuple[str, str] | None = None
        self.start()

    def run(self) -> None:
        self.result = look(self.front)

    def finish(self) -> tuple[str, str]:
        self.join(PATIENCE_S)
        assert self.result is not None
        return self.result


def test_a_miss_then_a_hit_with_the_same_bytes(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    first, second = services.read_book(front, 1), services.read_book(front, 1)
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("miss", "hit")
    assert first.body == second.body
    assert first.headers["X-Replica"] == second.headers["X-Replica"] == "catalog-1"


# ------------------------------------------------------------------------------- old values that come late


def test_a_slow_reader_cannot_put_an_old_value_back(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    paused = pause(store)
    slow = Reader(front)
    assert paused.has_read.wait(PATIENCE_S)
    store.behaviours = {}
    push(front, store.put(1, price="20.00"))
    paused.let_go.set()
    assert slow.finish() == ("10.00", "miss")
    assert look(front) == ("20.00", "miss")
    assert look(front) == ("20.00", "hit")


class CacheThatPausesBeforeSet(LRUCache):
    """Stops a reader between its last look at the floor and its set."""

    def __init__(self) -> None:
        super().__init__(f"pausing-{id(self)}", {"OPTIONS": {"MAX_ENTRIES": 10}})
        self.is_about_to_set = threading.Event()
        self.let_go = threading.Event()

    def set(self, *args: Any, **kwargs: Any) -> None:
        self.is_about_to_set.set()
        assert self.let_go.wait(PATIENCE_S)
        super().set(*args, **kwargs)


def test_a_reader_paused_between_looking_and_setting_sets_in_vain(store: Store) -> None:
    cache = CacheThatPausesBeforeSet()
    front = make_front(store, cache)
    slow = Reader(front)
    assert cache.is_about_to_set.wait(PATIENCE_S)
    push(front, store.put(1, price="20.00"))
    cache.let_go.set()
    assert slow.finish() == ("10.00", "miss")
    assert b"10.00" in cache.get("book:1"), "the old value is in the cache, and must not count"
    assert look(front) == ("20.00", "miss")


def test_an_old_value_restored_into_the_cache_is_a_miss(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    old = cache.get("book:1")
    push(front, store.put(1, price="20.00"))
    cache.set("book:1", old)
    assert look(front) == ("20.00", "miss")


def test_a_lost_push_is_made_good_by_the_poll(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    change = store.put(1, price="20.00")
    lease(front, store, changes=[change])
    assert look(front) == ("20.00", "miss")


def test_pushes_that_arrive_in_the_wrong_order_leave_the_newer_value(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    first = store.put(1, price="20.00")
    older = dict(store.books[1])
    second = store.put(1, price="30.00")
    push(front, second)
    push_set(front, second.position, "book:1", store.books[1])
    push(front, first)
    push_set(front, first.position, "book:1", older)
    assert look(front)[0] == "30.00"


def test_a_set_that_comes_late_leaves_the_newer_entry(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    older = dict(store.books[1])
    change = store.put(1, price="20.00")
    push(front, change)
    push_set(front, change.position, "book:1", store.books[1])
    push_set(front, change.position - 1, "book:1", older)
    assert look(front) == ("20.00", "hit")


def test_a_pushed_value_is_a_hit_for_the_next_reader(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    change = store.put(1, price="20.00")
    push(front, change)
    push_set(front, change.position, "book:1", store.books[1])
    assert look(front) == ("20.00", "hit")


# ------------------------------------------------------------------------------------- what isn't there


def test_a_missing_book_is_remembered_until_it_is_created(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    assert [look(front, 9)[1] for _ in range(2)] == ["miss", "hit"]
    push(front, store.put(9, price="1.00"))
    assert look(front, 9) == ("1.00", "miss")


def test_made_up_ids_and_topics_push_no_books_out(store: Store) -> None:
    cache = fakes.lru(max_entries=2)
    front = make_front(store, cache)
    look(front)
    for number in range(100, 120):
        services.read_book(front, number)
        services.read_titles(front, f"topic {number}", "")
    assert cache.keys_in_order() == ["book:1"]


def test_a_remembered_problem_names_the_request_that_it_answers(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    for request_id in ("first", "second"):
        accept_request_id(request_id)
        relay = services.read_book(front, 9)
        assert fakes.parsed(relay.body)["request_id"] == request_id
    assert relay.headers["X-Cache"] == "hit"


# ------------------------------------------------------------------------------------------------- topics


def test_the_pages_of_a_topic_share_its_floor(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    queries = ("", "page=1&page_size=50")
    for query in queries:
        outcomes = [services.read_titles(front, "things", query).headers["X-Cache"] for _ in range(2)]
        assert outcomes == ["miss", "hit"]
    push(front, store.put(1, title="New"))
    for query in queries:
        relay = services.read_titles(front, "things", query)
        assert relay.headers["X-Cache"] == "miss"
        assert b"New" in relay.body


def topic_key(topic: str, query: str) -> Key | None:
    value = TOPIC.value_of(topic)
    return key_of(TOPIC, value, query) if value is not None else None


def test_no_two_pages_share_a_name() -> None:
    asked = [("a", ""), ("a", "page=2"), ("a", "page_size=2"), ("a?page=2", ""), ("2::topic:a", ""), ("", "page=2")]
    names = {key.entry for topic, query in asked if (key := topic_key(topic, query))}
    assert len(names) == len(asked)


@pytest.mark.parametrize("query", ["", "page=2"])
def test_a_topic_has_one_key_however_it_is_spelled(query: str) -> None:
    """Else the event loop would look for the answer under a name that nobody keeps, or below a still floor."""
    spelled = ("café noir", "cafe\u0301 noir", "café\u00a0noir", " café  noir")
    assert len({topic_key(topic, query) for topic in spelled}) == 1


@pytest.mark.parametrize("query", ["page=2&page=3", "page=x", "page=", "search=x", "page=0", "page_size=9999999999"])
def test_a_query_that_is_no_plain_page_is_not_cached(store: Store, cache: Cache, query: str) -> None:
    front = make_front(store, cache)
    assert [services.read_titles(front, "things", query).headers["X-Cache"] for _ in range(2)] == ["bypass"] * 2


# ----------------------------------------------------------------------------- leases, polls and timelines


def test_without_a_lease_the_cache_is_used_for_nothing(store: Store, cache: Cache) -> None:
    front = make_front(store, cache, is_leased=False)
    assert [look(front)[1] for _ in range(2)] == ["bypass", "bypass"]
    assert cache.get("book:1") is None


def test_a_lease_runs_from_when_the_poll_was_sent(store: Store, cache: Cache) -> None:
    front = make_front(store, cache, is_leased=False)
    clock = front.coherence.clock = Clock()
    poll = front.coherence.next_poll()
    clock.now += front.coherence.lease_s * 0.75
    front.coherence.polled(poll, poll_answer(poll, store.position))
    look(front)
    assert look(front)[1] == "hit"
    clock.now += front.coherence.lease_s * 0.25
    assert look(front)[1] == "bypass"


def test_a_lease_that_was_given_up_comes_back_by_a_later_poll_alone(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    assert is_found(front)
    before = front.coherence.next_poll()
    assert front.coherence.end_lease()
    assert not is_found(front)
    assert look(front)[1] == "bypass"
    front.coherence.polled(before, poll_answer(before, store.position))
    assert not is_found(front), "whoever was told that it is given up waits for nobody any more"
    after = front.coherence.next_poll()
    front.coherence.polled(after, poll_answer(after, store.position))
    assert is_found(front)


def test_a_poll_from_before_its_lease_was_given_up_tells_of_the_new_timeline_all_the_same(
    store: Store, cache: Cache
) -> None:
    """Its answer may be of the new primary, whose writers then wait until this front takes what they push."""
    front = make_front(store, cache)
    poll = front.coherence.next_poll()
    front.coherence.end_lease()
    front.coherence.polled(poll, poll_answer(poll, store.position, timeline="t2"))
    change = [Invalidation(store.position + 1, ["book:1"])]
    assert front.coherence.pushed(Push("t2", invalidate=change)) is not None


def renew_while_somebody_looks(front: Front, store: Store) -> None:
    """The price has changed, the lease has run out, and the next look at the clock comes back with a new one."""
    clock = front.coherence.clock = Clock()
    lease(front, store)
    look(front)
    clock.now += front.coherence.lease_s
    change = store.put(1, price="20.00")

    def poll_meanwhile() -> float:
        front.coherence.clock = clock
        lease(front, store, changes=[change])
        return clock.now

    front.coherence.clock = poll_meanwhile


def test_a_lease_that_comes_while_a_reader_looks_brings_its_floors_with_it(store: Store, cache: Cache) -> None:
    """A reader that looks at the floor first, and then finds the lease renewed, would take the old price."""
    front = make_front(store, cache, is_leased=False)
    renew_while_somebody_looks(front, store)
    assert look(front) == ("20.00", "miss")


def test_a_lease_that_comes_while_the_event_loop_looks_brings_its_floors_with_it(store: Store, cache: Cache) -> None:
    front = make_front(store, cache, is_leased=False)
    renew_while_somebody_looks(front, store)
    assert not is_found(front)


def test_the_event_loop_checks_what_the_ordinary_way_checks(store: Store, cache: Cache) -> None:
    front = make_front(store, cache, is_leased=False)
    clock = front.coherence.clock = Clock()
    lease(front, store)
    look(front)
    assert is_found(front)
    clock.now += front.coherence.lease_s
    assert not is_found(front), "the lease has run out"
    lease(front, store)
    assert is_found(front)
    old = cache.get("book:1")
    push(front, store.put(1, price="20.00"))
    cache.set("book:1", old)
    assert not is_found(front), "it is below its floor"
    look(front)
    assert is_found(front)
    cache.set("book:1", b"nonsense")
    assert not is_found(front)
    look(front)
    for timeline in ("t2", "t2"):
        poll = front.coherence.next_poll()
        front.coherence.polled(poll, poll_answer(poll, 1, timeline=timeline))
    assert front.coherence.view("book:1").is_leased
    assert not is_found(front), "it is of another timeline"


def test_a_poll_that_is_not_renewed_gives_no_lease(store: Store, cache: Cache) -> None:
    front = make_front(store, cache, is_leased=False)
    lease(front, store, is_renewed=False)
    assert look(front)[1] == "bypass"


def test_what_is_in_doubt_raises_floors_and_is_confirmed_by_the_next_poll(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    settled = store.position
    lease(front, store, doubts=[Invalidation(settled + 1, ["book:1"], "abc")])
    question = front.coherence.next_poll()
    assert (question.since, question.confirmed) == (settled, [settled + 1, "abc"])
    assert look(front)[1] == "miss"
    store.position += 1
    lease(front, store)
    assert front.coherence.next_poll().confirmed is None


def test_a_new_timeline_begins_anew(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    poll = front.coherence.next_poll()
    front.coherence.polled(poll, poll_answer(poll, 1, timeline="t2"))
    assert look(front)[1] == "bypass", "that poll asked with a position of the old timeline"
    poll = front.coherence.next_poll()
    assert poll.since is None
    front.coherence.polled(poll, poll_answer(poll, 1, timeline="t2"))
    assert look(front)[1] == "miss", "entries of the old timeline don't count"


def test_a_push_of_another_timeline_is_left_to_the_poll(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    front.coherence.pushed(Push("t2", sets=[(99, "book:1", b"{}")], replica="catalog-1"))
    assert look(front) == ("10.00", "hit")


def test_a_new_answer_is_wanted_where_the_old_one_was_kept(store: Store) -> None:
    cache = fakes.lru()
    front = make_front(store, cache)

    def pushed(position: int, key: str = "book:1") -> list[str] | None:
        return front.coherence.pushed(Push(fakes.TIMELINE, invalidate=[Invalidation(position, [key])]))

    assert pushed(10) == [], "nobody has asked for it"
    front.coherence.pushed(Push(fakes.TIMELINE, sets=[(10, "book:1", b"{}")], replica="catalog-1"))
    assert pushed(11) == ["book:1"]
    assert pushed(12) == ["book:1"], "what it waits for has not come"
    assert pushed(12, "book:2") == []
    front.coherence.pushed(Push(fakes.TIMELINE, sets=[(11, "book:1", b"{}")], replica="catalog-1"))
    assert pushed(13) == ["book:1"], "what came was old"
    front.coherence.pushed(Push(fakes.TIMELINE, sets=[(13, "book:1", b"{}")], replica="catalog-1"))
    cache.delete("book:1")  # As the least recently used one goes.
    assert pushed(14) == []


def test_a_cache_that_does_not_say_what_it_had_may_have_had_it() -> None:
    class Silent(dict[str, bytes]):
        def set(self, key: str, value: bytes) -> None:
            self[key] = value

        def delete(self, key: str) -> None:
            self.pop(key, None)

    coherence = Coherence([Silent()], lease_s=1.0, history=History(fakes.TIMELINE, Floors()))
    assert coherence.pushed(Push(fakes.TIMELINE, invalidate=[Invalidation(10, ["book:1"])])) == ["book:1"]


def test_what_is_awaited_is_bounded() -> None:
    waited = Awaited()
    for number in range(awaited.MOST_KEPT + 1):
        waited.dropped(f"book:{number}", was_kept=True)
    assert not waited.dropped("book:0", was_kept=False)
    assert waited.dropped("book:1", was_kept=False)


def test_an_invalidation_that_is_not_taken_is_not_confirmed(store: Store, cache: Cache) -> None:
    """Its writer would go on, and the answer to a poll that was under way could bring the old value back."""
    front = make_front(store, cache)
    change = [Invalidation(10, ["book:1"])]
    assert front.coherence.pushed(Push("t2", invalidate=change)) is None, "of another timeline"
    assert front.coherence.pushed(Push("t2")) == [], "nothing that could be missed: a test of the line"
    assert front.coherence.pushed(Push(fakes.TIMELINE, invalidate=change)) is not None
    beginning = Coherence([fakes.lru()], lease_s=1.0)
    assert beginning.pushed(Push(fakes.TIMELINE, invalidate=change)) is None, "before its first poll"


def test_a_log_that_no_longer_reaches_back_makes_everything_old(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    look(front)
    store.put(2, price="1.00")
    lease(front, store, is_base=True)
    assert look(front)[1] == "miss"


def test_a_starting_front_does_not_believe_what_its_cache_kept(store: Store, cache: Cache) -> None:
    look(make_front(store, cache))
    store.put(1, price="20.00")
    assert look(make_front(store, cache)) == ("20.00", "miss")


# ------------------------------------------------------------------------------------------ single flights


def test_many_readers_of_one_key_make_one_call(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    paused = pause(store)
    readers = [Reader(front)]
    assert paused.has_read.wait(PATIENCE_S)
    readers += [Reader(front) for _ in range(5)]
    paused.let_go.set()
    assert {reader.finish()[0] for reader in readers} == {"10.00"}
    # One that begins after the first has landed finds the entry: there is one call whatever the order.
    assert len(store.asked_of("/api/v1/books/1/")) == 1


class CacheThatPausesAfterTheFirstGet(LRUCache):
    """Stops the first reader between its look at the cache and the flight."""

    def __init__(self) -> None:
        super().__init__(f"pausing-{id(self)}", {"OPTIONS": {"MAX_ENTRIES": 10}})
        self.has_looked, self.let_go = threading.Event(), threading.Event()

    def get(self, *args: Any, **kwargs: Any) -> Any:
        found = super().get(*args, **kwargs)
        if not self.has_looked.is_set():
            self.has_looked.set()
            assert self.let_go.wait(PATIENCE_S)
        return found


def test_a_reader_that_looked_before_another_landed_makes_no_call(store: Store) -> None:
    cache = CacheThatPausesAfterTheFirstGet()
    front = make_front(store, cache)
    slow = Reader(front)
    assert cache.has_looked.wait(PATIENCE_S)
    assert look(front) == ("10.00", "miss")
    cache.let_go.set()
    assert slow.finish() == ("10.00", "hit")
    assert len(store.asked_of("/api/v1/books/1/")) == 1


def test_a_waiter_does_not_take_what_is_too_old_for_itself(
    store: Store, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_joined, wait = threading.Event(), Flight.wait

    def join_and_wait(flight: Flight, timeout_s: float) -> CacheEntry | None:
        has_joined.set()
        return wait(flight, timeout_s)

    monkeypatch.setattr(Flight, "wait", join_and_wait)
    front = make_front(store, cache)
    paused = pause(store)
    early = Reader(front)
    assert paused.has_read.wait(PATIENCE_S)
    store.behaviours = {}
    push(front, store.put(1, price="20.00"))
    late = Reader(front)  # Begins after the write, and joins a flight that set out before it.
    assert has_joined.wait(PATIENCE_S)
    paused.let_go.set()
    assert early.finish()[0] == "10.00"
    assert late.finish()[0] == "20.00"


def test_a_failed_flight_is_not_held_against_the_next_reader(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    store.behaviours = {"catalog-1": fakes.refuse, "catalog-2": fakes.refuse}
    with pytest.raises(Unavailable):
        services.read_book(front, 1)
    store.behaviours = {}
    assert look(front) == ("10.00", "miss")


def test_an_answer_without_position_is_passed_on_and_not_kept(store: Store, cache: Cache) -> None:
    front = make_front(store, cache)
    odd = fakes.answer_with(fakes.json_reply({"price": "1.00"}))
    store.behaviours = {"catalog-1": odd, "catalog-2": odd}
    assert [look(front) for _ in range(2)] == [("1.00", "miss")] * 2
