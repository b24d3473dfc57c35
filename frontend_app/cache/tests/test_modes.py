"""The cache without the protocol, for experiments: what each mode does, and the stale read that it lets through."""

import threading

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.nodes import client
from bookstore_project.settings import modes
from frontend_app import services
from frontend_app.dashboard import state
from frontend_app.runtime import Front
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Asked, Store, make_front, push, push_set
from tests.clock import Clock
from tests.waiting import PATIENCE_S


@pytest.fixture
def store() -> Store:
    store = Store()
    store.put(1, price="10.00")
    return store


@pytest.fixture
def front(store: Store, settings: Settings, request: pytest.FixtureRequest) -> Front:
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": request.param}
    return make_front(store, is_leased=False)


PUSH = pytest.mark.parametrize("front", [modes.PUSH], indirect=True)
NONE = pytest.mark.parametrize("front", [modes.NONE], indirect=True)
EITHER = pytest.mark.parametrize("front", [modes.PUSH, modes.NONE], indirect=True)


def look(front: Front) -> tuple[str, str]:
    relay = services.read_book(front, 1)
    return fakes.parsed(relay.body)["price"], relay.headers["X-Cache"]


@EITHER
def test_the_cache_is_used_without_a_lease_and_none_is_asked_for(front: Front, store: Store) -> None:
    front.start()
    try:
        assert [look(front)[1] for _ in range(2)] == ["miss", "hit"]
        assert front.coherence.find(front.reads.cache, "book:1", "book:1") is not None, "nor on the event loop"
        assert len(front._threads) == len(front.checkers) + 1, "nobody polls"
    finally:
        front.stop()


@EITHER
def test_the_cluster_interface_says_which_mode_it_is(front: Front) -> None:
    assert state.describe(front)["cache"]["coherence"] == front.coherence.mode != modes.FULL


@PUSH
def test_push_deletes_and_sets(front: Front, store: Store) -> None:
    look(front)
    change = store.put(1, price="20.00")
    push(front, change)
    assert look(front) == ("20.00", "miss")
    change = store.put(1, price="30.00")
    push(front, change)
    push_set(front, change.position, "book:1", store.books[1])
    assert look(front) == ("30.00", "hit")
    assert front.coherence.invalidation_log.keys == 4


@PUSH
def test_push_lets_a_slow_reader_put_an_old_value_back(front: Front, store: Store) -> None:
    has_read, let_go = threading.Event(), threading.Event()

    def slow(asked: Asked) -> client.Reply:
        reply = store.answer(asked)
        has_read.set()
        assert let_go.wait(PATIENCE_S)
        return reply

    store.behaviours = {"catalog-1": slow, "catalog-2": slow}
    reader = threading.Thread(target=look, args=(front,))
    reader.start()
    assert has_read.wait(PATIENCE_S)
    store.behaviours = {}
    push(front, store.put(1, price="20.00"))
    let_go.set()
    reader.join(PATIENCE_S)
    assert look(front) == ("10.00", "hit"), "the stale read that floors are for"


@PUSH
def test_push_never_hears_of_a_push_that_was_lost(front: Front, store: Store) -> None:
    look(front)
    store.put(1, price="20.00")
    fakes.lease(front, store)
    assert look(front) == ("10.00", "hit")


@NONE
def test_none_waits_for_time_alone(store: Store, settings: Settings, front: Front) -> None:
    cache = fakes.lru(timeout_s=60)
    clock = cache.clock = Clock()
    front = make_front(store, cache, is_leased=False)
    look(front)
    change = store.put(1, price="20.00")
    push(front, change)
    push_set(front, change.position, "book:1", store.books[1])
    clock.now += 59
    assert look(front) == ("10.00", "hit")
    clock.now += 1
    assert look(front) == ("20.00", "miss")
