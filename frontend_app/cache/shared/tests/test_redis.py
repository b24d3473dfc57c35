"""Fronts over a real Redis that is small, hung, gone, full, restored or shared: slower at worst, never wrong."""

import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from frontend_app import services
from frontend_app.cache.coherence import Cache
from frontend_app.cache.shared.cache import PAUSE_S, SharedCache, SharedStatus
from frontend_app.dashboard import state
from frontend_app.runtime import Front
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store, lease, make_front, push, push_set
from frontend_app.tests.support.shared_caches import IMPATIENCE_S, redis_backend, settle, shared
from tests.clock import Clock
from tests.redis import RedisServer
from tests.waiting import PATIENCE_S, wait_for

KEY = "bookstore:1:book:1"
"""Where django-redis puts what the front calls `book:1`."""


@pytest.fixture
def store() -> Store:
    store = Store()
    store.put(1, price="10.00")
    return store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def front(store: Store, redis_server: RedisServer, clock: Clock) -> Front:
    return make_front(store, shared(redis_backend(redis_server.url), clock=clock))


@pytest.fixture
def hasty(store: Store, redis_server: RedisServer, clock: Clock) -> Front:
    """A front that doesn't wait long."""
    return make_front(store, shared(redis_backend(redis_server.url, IMPATIENCE_S), IMPATIENCE_S, clock))


def look(front: Front, book_id: int = 1) -> tuple[str, str]:
    """Price and X-Cache of a read."""
    relay = services.read_book(front, book_id)
    return fakes.parsed(relay.body)["price"], relay.headers["X-Cache"]


def status(front: Front) -> SharedStatus:
    assert isinstance(front.reads.cache, SharedCache)
    return front.reads.cache.status()


def wait_for_hit(front: Front, clock: Clock, price: str = "10.00") -> None:
    """Reads until the answer comes from the cache again; whatever comes before has to be right as well."""

    def is_hit() -> bool:
        clock.now += PAUSE_S
        told, cached = look(front)
        assert told == price
        return cached == "hit"

    wait_for(is_hit, PATIENCE_S, "a hit")


def events(front: Front) -> list[str]:
    """Oldest first."""
    return [event["event"] for event in reversed(front.journal.events())]


# ------------------------------------------------------------------------------------------- both backends


def test_a_front_restarted_over_a_warm_cache_goes_on_with_it(store: Store, make_cache: Callable[[], Cache]) -> None:
    """A cache in the process is gone with it."""
    first = make_front(store, make_cache())
    assert look(first) == ("10.00", "miss")
    settle(first)
    again = make_front(store, make_cache())
    outcome = "hit" if isinstance(again.reads.cache, SharedCache) else "miss"
    assert look(again) == ("10.00", outcome)


def test_a_front_restarted_over_a_warm_cache_shows_nothing_old(store: Store, make_cache: Callable[[], Cache]) -> None:
    first = make_front(store, make_cache())
    look(first)
    settle(first)
    store.put(1, price="20.00")  # While no front is there.
    again = make_front(store, make_cache())
    assert [look(again), look(again)] == [("20.00", "miss"), ("20.00", "hit")]


def test_two_fronts_never_show_one_another_what_is_old(store: Store, make_cache: Callable[[], Cache]) -> None:
    one, other = make_front(store, make_cache()), make_front(store, make_cache())
    for price in range(20, 40):
        assert {look(one)[0], look(other)[0]} == {store.books[1]["price"]}
        change = store.put(1, price=f"{price}.00")
        for front in (one, other):
            push(front, change)
        if price % 3 == 0:
            push_set(one, change.position, "book:1", store.books[1])
        if price % 2 == 0:
            settle(one)
    assert {look(one)[0], look(other)[0]} == {"39.00"}


@pytest.mark.large
def test_far_more_entries_than_there_is_room_for(store: Store, make_cache: Callable[[], Cache]) -> None:
    front = make_front(store, make_cache())
    for round_ in range(2):
        for book_id in range(1, 501):
            price = f"{book_id}.{round_:02}"
            push(front, store.put(book_id, price=price, title="long " * 2000))
            assert look(front, book_id) == (price, "miss")
            look(front, 1)
        settle(front)
        # The newest first: going the other way, each miss could push out the next one's entry.
        found = [look(front, book_id) for book_id in range(500, 0, -1)]
        assert [price for price, _ in found] == [f"{book_id}.{round_:02}" for book_id in range(500, 0, -1)]
        assert {cached for _, cached in found} == {"hit", "miss"}


# ------------------------------------------------------------------------------------------ two fronts, one Redis


@pytest.fixture
def other(store: Store, redis_server: RedisServer) -> Front:
    """Another front over the same Redis."""
    return make_front(store, shared(redis_backend(redis_server.url)))


@pytest.mark.processes
def test_what_one_front_sets_is_a_hit_at_the_other(front: Front, other: Front) -> None:
    assert look(front) == ("10.00", "miss")
    settle(front)
    assert look(other) == ("10.00", "hit")
    assert services.read_book(front, 1).body == services.read_book(other, 1).body


@pytest.mark.processes
def test_a_floor_at_either_front_makes_the_old_entry_a_miss_there(store: Store, front: Front, other: Front) -> None:
    look(front)
    settle(front)
    old = front.reads.cache.get("book:1")
    change = store.put(1, price="20.00")
    push(other, change)
    settle(other)
    front.reads.cache.set("book:1", old)  # As a slow reader, or a late set, would.
    settle(front)
    assert look(other) == ("20.00", "miss")
    settle(other)
    push(front, change)
    settle(front)
    front.reads.cache.set("book:1", old)
    settle(front)
    assert look(front) == ("20.00", "miss")


@pytest.mark.processes
def test_a_set_pushed_to_one_front_is_a_hit_at_the_other(store: Store, front: Front, other: Front) -> None:
    change = store.put(1, price="20.00")
    for each in (front, other):
        push(each, change)
        settle(each)
    push_set(front, change.position, "book:1", store.books[1])
    settle(front)
    assert look(other) == ("20.00", "hit")


# ----------------------------------------------------------------------------------- small, old, odd contents


@pytest.mark.processes
def test_little_memory_costs_hits_and_nothing_else(store: Store, front: Front, redis_server: RedisServer) -> None:
    for book_id in range(1, 501):
        push(front, store.put(book_id, price=f"{book_id}.00", title="long " * 2000))
        assert look(front, book_id)[0] == f"{book_id}.00"
    settle(front)
    assert redis_server.figure("stats", "evicted_keys") > 0
    assert [look(front, book_id)[0] for book_id in range(1, 501)] == [f"{n}.00" for n in range(1, 501)]
    assert status(front).state == "closed"


@pytest.mark.processes
def test_a_redis_restored_from_an_old_snapshot_shows_nothing_old(
    store: Store, front: Front, other: Front, redis_server: RedisServer, clock: Clock
) -> None:
    look(front)
    settle(front)
    snapshot = redis_server.save()
    change = store.put(1, price="20.00")
    for each in (front, other):
        push(each, change)
        settle(each)
    redis_server.restore(snapshot)
    assert redis_server.ask("EXISTS", KEY) == 1, "the old price is back"
    wait_for_hit(front, clock, "20.00")
    beginning = make_front(store, shared(redis_backend(redis_server.url)))
    assert look(beginning)[0] == "20.00"


@pytest.mark.processes
def test_an_old_snapshot_under_a_front_that_has_just_begun(
    store: Store, front: Front, redis_server: RedisServer
) -> None:
    look(front)
    settle(front)
    snapshot = redis_server.save()
    store.put(1, price="20.00")
    redis_server.restore(snapshot)
    beginning = make_front(store, shared(redis_backend(redis_server.url)))
    assert look(beginning) == ("20.00", "miss")


@pytest.mark.parametrize(
    "command",
    [
        ("LPUSH", KEY, "of another type"),
        ("SET", KEY, "7"),
        ("SET", KEY, ""),
        ("SET", KEY, b"\x80\x04\x95 a pickle"),
        ("SET", KEY, b"1\n9\n200\nt1\ncatalog-1\n\napplication/json\n{}"),
    ],
    ids=lambda command: f"{command[0]} {command[2]!r}",
)
@pytest.mark.processes
def test_what_is_no_entry_of_ours_is_a_miss_and_is_replaced(
    front: Front, redis_server: RedisServer, command: tuple[str | bytes, ...]
) -> None:
    redis_server.ask(*command)
    assert look(front) == ("10.00", "miss")
    settle(front)
    assert redis_server.ask("TYPE", KEY) == b"string"
    assert look(front) == ("10.00", "hit")
    assert status(front).state == "closed"


# --------------------------------------------------------------------------------------------- refusals


@pytest.mark.processes
def test_a_full_redis_that_evicts_nothing(store: Store, redis_server: RedisServer, front: Front) -> None:
    redis_server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis_server.ask("CONFIG", "SET", "maxmemory", "1")
    assert look(front) == ("10.00", "miss")
    settle(front)
    assert look(front) == ("10.00", "miss")
    push(front, store.put(1, price="20.00"))
    assert look(front) == ("20.00", "miss")
    settle(front)
    assert (status(front).state, status(front).failures > 0) == ("closed", True)
    redis_server.ask("CONFIG", "SET", "maxmemory", "100mb")
    look(front)
    settle(front)
    assert look(front) == ("20.00", "hit")


@pytest.mark.processes
def test_a_redis_that_may_only_be_read(store: Store, redis_server: RedisServer, front: Front) -> None:
    look(front)
    settle(front)
    redis_server.ask("REPLICAOF", "127.0.0.1", "1")
    assert look(front) == ("10.00", "hit")
    push(front, store.put(1, price="20.00"))
    settle(front)
    assert redis_server.ask("EXISTS", KEY) == 1, "the old price can't be deleted"
    assert look(front) == ("20.00", "miss")
    settle(front)
    assert look(front) == ("20.00", "miss")
    assert status(front).state == "closed"
    redis_server.ask("REPLICAOF", "NO", "ONE")

    def is_kept() -> bool:
        settle(front)
        return look(front) == ("20.00", "hit")

    wait_for(is_kept)


@pytest.mark.processes
def test_a_redis_that_wants_a_password_which_nobody_told(front: Front, redis_server: RedisServer) -> None:
    redis_server.ask("CONFIG", "SET", "requirepass", "secret")
    assert [look(front) for _ in range(3)] == [("10.00", "miss")] * 3
    assert status(front).state == "open"


# ------------------------------------------------------------------------------------------ hung and gone


@pytest.mark.processes
def test_a_hung_redis_is_left_out_until_it_answers(
    store: Store, hasty: Front, redis_server: RedisServer, clock: Clock
) -> None:
    wait_for_hit(hasty, clock)
    before = status(hasty).openings
    redis_server.pause()
    push(hasty, store.put(1, price="20.00"))
    assert look(hasty) == ("20.00", "miss")
    wait_for(lambda: status(hasty).state == "open", PATIENCE_S)
    assert [look(hasty)[1] for _ in range(100)] == ["miss"] * 100
    assert status(hasty).openings == before + 1
    assert [state.cache(hasty)["shared"][name] for name in ("state", "openings")] == ["open", before + 1]
    for _ in range(3):
        clock.now += PAUSE_S
        assert look(hasty) == ("20.00", "miss")
        wait_for(lambda: status(hasty).state == "open", PATIENCE_S, "the trial fails")
    redis_server.resume()
    wait_for_hit(hasty, clock, "20.00")
    assert events(hasty)[-2].startswith("leaves the shared cache out: ")
    assert events(hasty)[-1] == "uses the shared cache again"


@pytest.mark.processes
def test_a_redis_that_is_killed_and_started_again(
    store: Store, front: Front, redis_server: RedisServer, clock: Clock
) -> None:
    look(front)
    settle(front)
    redis_server.kill()
    assert look(front) == ("10.00", "miss")
    push(front, store.put(1, price="20.00"))
    assert look(front) == ("20.00", "miss")
    assert status(front).state == "open"
    redis_server.start()
    wait_for_hit(front, clock, "20.00")
    assert events(front)[-1] == "uses the shared cache again"


@pytest.mark.processes
def test_a_redis_restarted_between_two_reads_is_a_miss_at_most(
    front: Front, redis_server: RedisServer, clock: Clock
) -> None:
    """The connection from before is dead, which a pool doesn't know unless it looks."""
    look(front)
    settle(front)
    redis_server.restart()
    wait_for_hit(front, clock)
    assert status(front).openings <= 1


@pytest.mark.processes
def test_a_front_begins_without_its_redis(store: Store, clock: Clock, redis_server: RedisServer) -> None:
    redis_server.kill()
    front = make_front(store, shared(redis_backend(redis_server.url), clock=clock), is_leased=False)
    assert look(front)[1] == "bypass"
    lease(front, store)
    front.coherence.lease_until = float("inf")
    assert look(front) == ("10.00", "miss")
    assert status(front).state == "open"
    redis_server.start()
    wait_for_hit(front, clock)


# ------------------------------------------------------------------------------------------ other servers


class Impostor(socketserver.ThreadingUnixStreamServer):
    """Something that listens where a Redis should."""

    daemon_threads = True

    def __init__(self, path: str, handler: type[socketserver.BaseRequestHandler]) -> None:
        self.is_over = threading.Event()
        super().__init__(path, handler)


@contextmanager
def listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[str]:
    """The URL of an impostor."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder, Impostor(f"{folder}/socket", handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"unix://{folder}/socket"
        server.is_over.set()
        server.shutdown()


class Dripping(socketserver.BaseRequestHandler):
    """An endless reply, byte by byte: no wait for the next one is long."""

    def handle(self) -> None:
        assert isinstance(self.server, Impostor)
        with suppress(OSError):
            self.request.recv(1000)
            self.request.sendall(b"$900000\r\n")
            while not self.server.is_over.wait(IMPATIENCE_S / 10):
                self.request.sendall(b"x")


class Web(socketserver.BaseRequestHandler):
    """Answers at once, with something that no Redis says."""

    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_redis_whose_answer_never_ends(store: Store) -> None:
    with listening(Dripping) as url:
        front = make_front(store, shared(redis_backend(url, IMPATIENCE_S), IMPATIENCE_S))
        assert [look(front) for _ in range(3)] == [("10.00", "miss")] * 3
        assert status(front).openings == 1


def test_something_else_that_listens_there(store: Store) -> None:
    with listening(Web) as url:
        front = make_front(store, shared(redis_backend(url)))
        assert [look(front) for _ in range(3)] == [("10.00", "miss")] * 3
        assert status(front).openings == 1
