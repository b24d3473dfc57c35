"""What a front counts of its cache can be read, everywhere where it is told, and its memory is bounded."""

import gc

import pytest

from bookstore_project.api.problems import Unavailable
from bookstore_project.settings.topology import NODES
from frontend_app import runtime, services
from frontend_app.cache.announcements import MOST_ANNOUNCED
from frontend_app.cache.coherence import Coherence
from frontend_app.cache.messages import Invalidation, Push
from frontend_app.dashboard import state
from frontend_app.dashboard.metrics import FrontCollector
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import TIMELINE, Store, make_front, push
from tests.clock import Clock

COUNTED = ("hits", "misses", "bypasses", "evictions", "expiries", "invalidations")


def metrics(front: Front) -> dict[str, float]:
    with serving(front):
        return {sample.name: sample.value for family in FrontCollector().collect() for sample in family.samples}


def test_every_count_is_in_the_cluster_document_and_in_the_metrics() -> None:
    store = Store()
    for book in (1, 2, 3):
        store.put(book, price="10.00")
    cache = fakes.lru(max_entries=2)
    clock = cache.clock = Clock()
    front = make_front(store, cache)
    for book in (1, 2, 3):  # Three misses; the third makes room for itself.
        services.read_book(front, book)
    services.read_book(front, 2)  # A hit.
    described = state.describe(front)["cache"]
    assert (described["keys"], described["size"], described["max"]) == (["book:3", "book:2"], 2, 2)
    clock.now += 61
    services.read_book(front, 2)  # Too old: a miss.
    push(front, store.put(2, price="20.00"))  # Two keys: the book and its topic.
    for _ in range(2):
        services.list_books(front, "")  # Past the cache.
    described = state.describe(front)["cache"]
    expected = {"hits": 1, "misses": 4, "bypasses": 2, "evictions": 1, "expiries": 1, "invalidations": 2}
    assert expected.items() <= described.items()
    told = metrics(front)
    assert {name: told[f"bookstore_cache_{name}_total"] for name in COUNTED} == expected
    assert told["bookstore_cache_entries"] == described["size"] == 1
    assert told["bookstore_cache_floors"] == len(front.coherence.floors) == 2


def test_a_read_that_nobody_answers_is_a_miss_all_the_same() -> None:
    store = Store(behaviours={"catalog-1": fakes.refuse, "catalog-2": fakes.refuse})
    front = make_front(store)
    with pytest.raises(Unavailable):
        services.read_book(front, 1)
    described = state.describe(front)["cache"]
    assert (described["hits"], described["misses"], described["bypasses"]) == (0, 1, 0)


def pushed(front: Coherence, position: int) -> None:
    front.pushed(Push(TIMELINE, invalidate=[Invalidation(position, [f"book:{position}"])]))


def test_floors_are_bounded_whatever_is_pushed() -> None:
    store = Store()
    front = make_front(store)
    state = front.coherence
    state.floors.limit = 100
    for position in range(2, 1002):
        pushed(state, position)
        assert len(state.floors) <= 100
    assert all(state.view(f"book:{position}").floor >= position for position in range(2, 1002)), "none was lost"


def test_announcements_are_forgotten_once_settled_and_bounded_before() -> None:
    store = Store()
    front = make_front(store)
    state = front.coherence
    for position in range(2, 2 + MOST_ANNOUNCED + 10):
        pushed(state, position)
    assert len(state.announcements) == MOST_ANNOUNCED
    store.position = 1 + MOST_ANNOUNCED + 10
    fakes.lease(front, store)
    assert len(state.announcements) == 0


def test_what_clients_ask_for_raises_no_floors() -> None:
    front = make_front(Store())
    for book in range(1, 200):
        services.read_book(front, book)
    assert len(front.coherence.floors) == 0


def test_a_front_knows_nothing_of_what_another_did_not_find() -> None:
    """One after the other, as in tests: the memory of the first is used again."""
    gc.freeze()  # What others have made needn't be looked through twenty times.
    for _ in range(20):
        front = runtime.build(NODES["front"], call=Store(), cache=fakes.lru())
        assert front.reads.negatives.get("book:99") is None
        front.reads.negatives.set("book:99", b"nothing")
        del front
        gc.collect()
    gc.unfreeze()
