"""Hits from a shared cache, answered by the event loop without holding it up."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from frontend_app import services
from frontend_app.gateway import lookup_batches
from frontend_app.gateway.application import Gateway
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.asgi import ask
from frontend_app.tests.support.fakes import Store
from frontend_app.tests.support.shared_caches import (
    IMPATIENCE_S,
    Backend,
    Gate,
    redis_backend,
    settle,
    shared,
)
from tests.answers import Answer
from tests.asgi import run
from tests.redis import RedisServer
from tests.waiting import PATIENCE_S

BOOK = "/api/v1/books/1/"


@pytest.fixture
def store() -> Store:
    store = Store()
    for book_id in (1, 2, 3):
        store.put(book_id, price=f"{book_id}0.00", topic="a topic")
    return store


@pytest.fixture
def backend() -> Backend:
    return Backend()


def make_front(store: Store, backend: object, wait_s: float = PATIENCE_S) -> Front:
    """A front whose shared cache is warm."""
    front = fakes.make_front(store, shared(backend, wait_s))
    for book_id in store.books:
        services.read_book(front, book_id)
    services.read_titles(front, "a topic", "")
    settle(front)
    return front


def no_thread(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raise AssertionError(f"{environ['PATH_INFO']} went to Django")


def loop_alone(front: Front) -> Gateway:
    """A gateway that can't do anything but what its event loop does."""
    return Gateway(no_thread, lambda: front, 2, lambda: None)


async def reached(gate: Gate) -> None:
    while not gate.is_reached.is_set():
        await asyncio.sleep(0)


async def turns(number: int = 20) -> None:
    """Lets the loop do all that it has to hand."""
    for _ in range(number):
        await asyncio.sleep(0)


def begin(gateway: Gateway, *targets: str) -> list[asyncio.Task[Answer]]:
    return [asyncio.create_task(ask(gateway, "GET", target)) for target in targets]


@pytest.mark.parametrize("target", [BOOK, "/product/2", "/info/3/", "/search/a%20topic"])
@pytest.mark.processes
def test_a_hit_from_redis_needs_no_thread_and_equals_one_from_memory(
    store: Store, redis_server: RedisServer, target: str
) -> None:
    ours = loop_alone(make_front(store, redis_backend(redis_server.url)))
    own = fakes.make_front(store)
    for book_id in store.books:
        services.read_book(own, book_id)
    services.read_titles(own, "a topic", "")

    async def test() -> None:
        identity = ("x-request-id", "an-id-of-the-client")
        got, expected = [await ask(gateway, "GET", target, identity) for gateway in (ours, loop_alone(own))]
        assert got.headers["x-cache"] == "hit"
        assert (got.status, got.body) == (expected.status, expected.body)
        differing = {name for name, value in got.headers.items() if expected.headers.get(name) != value}
        assert differing <= {"server-timing", "x-replica"}
        assert got.headers.keys() == expected.headers.keys()
        again = await ask(ours, "GET", target, ("if-none-match", got.headers["etag"]))
        assert (again.status, again.body) == (304, b"")

    run(test)


def test_many_requests_cost_one_lookup_for_each_key(store: Store, backend: Backend) -> None:
    front = make_front(store, backend)
    gateway = loop_alone(front)
    backend.calls.clear()

    async def test() -> None:
        gate = backend.misbehave = Gate()
        first = begin(gateway, BOOK)
        await reached(gate)
        rest = begin(gateway, *[f"/product/{1 + number % 3}" for number in range(30)])
        await turns()
        gate.open()
        for got in await asyncio.gather(*first, *rest):
            assert got.headers["x-cache"] == "hit"

    hits = front.reads.counters().hits
    run(test)
    assert backend.calls[0] == ("get", "book:1")
    assert sorted(backend.calls[1:]) == [("get", f"book:{book_id}") for book_id in (1, 2, 3)]
    assert front.reads.counters().hits == hits + 31


def test_who_comes_after_a_write_is_not_answered_by_a_lookup_from_before(store: Store, backend: Backend) -> None:
    """The lookup that is under way has the old price already, and the next one finds it as well: put back late."""
    front = make_front(store, backend)
    gateway = asgi.make_gateway(front)

    async def test() -> None:
        gate = Gate()
        backend.after_get = gate
        before = begin(gateway, BOOK)
        await reached(gate)
        old = backend.values["book:1"]
        fakes.push(front, store.put(1, price="99.00"))
        settle(front)
        backend.values["book:1"] = old
        after = begin(gateway, BOOK, "/product/1")
        await turns()
        gate.open()
        assert b"10.00" in (await before[0]).body, "it began before the write was visible"
        for got in await asyncio.gather(*after):
            assert b"99.00" in got.body

    with serving(front):
        run(test)


def test_without_a_lease_nobody_is_asked(store: Store, backend: Backend) -> None:
    front = make_front(store, backend)
    front.coherence.lease_until = float("-inf")
    backend.calls.clear()

    async def test() -> None:
        assert (await ask(asgi.make_gateway(front), "GET", BOOK)).headers["x-cache"] == "bypass"

    with serving(front):
        run(test)
    assert backend.calls == []


def test_a_miss_goes_the_ordinary_way_and_is_a_hit_the_next_time(store: Store, backend: Backend) -> None:
    front = fakes.make_front(store, shared(backend))
    gateway = asgi.make_gateway(front)

    async def test() -> None:
        assert (await ask(gateway, "GET", BOOK)).headers["x-cache"] == "miss"
        assert (await ask(gateway, "GET", BOOK)).headers["x-cache"] == "hit"
        assert (await ask(gateway, "GET", "/product/77")).status == 404

    with serving(front):
        run(test)


def test_all_who_wait_for_a_hung_cache_go_on_together(store: Store, backend: Backend) -> None:
    """Those of the lookup that hangs, and those who came meanwhile, whose own would begin after it."""
    front = make_front(store, backend, IMPATIENCE_S)
    gateway = asgi.make_gateway(front)

    async def test() -> None:
        gate = backend.misbehave = Gate()
        first = begin(gateway, BOOK)
        await reached(gate)
        rest = begin(gateway, BOOK, "/product/2", "/product/3")
        for got in await asyncio.gather(*first, *rest):
            assert (got.status, got.headers["x-cache"]) == (200, "miss")
        assert front.journal.events()[0]["event"].startswith("leaves the shared cache out")
        # From now on nobody asks: the gate is still shut.
        assert [got.headers["x-cache"] for got in await asyncio.gather(*begin(gateway, BOOK, BOOK))] == ["miss"] * 2
        gate.open()

    with serving(front):
        run(test)


def test_a_cache_that_fails_sends_everybody_the_ordinary_way(store: Store, backend: Backend) -> None:
    front = make_front(store, backend)
    gateway = asgi.make_gateway(front)
    backend.fail_with(RedisConnectionError("gone"))

    async def test() -> None:
        for got in await asyncio.gather(*begin(gateway, BOOK, "/product/2", "/product/3")):
            assert (got.status, got.headers["x-cache"]) == (200, "miss")

    with serving(front):
        run(test)


def test_who_finds_too_many_waiting_goes_the_ordinary_way(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_batches, "WAITING_AT_MOST", 2)
    front = make_front(store, backend)
    gone_on: list[str] = []

    def ordinary(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        gone_on.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    async def test() -> None:
        gateway = Gateway(ordinary, lambda: front, 2, lambda: None)
        gate = backend.misbehave = Gate()
        waiting = begin(gateway, "/product/1")
        await reached(gate)
        waiting += begin(gateway, "/product/1", "/product/2")
        await turns()
        await ask(gateway, "GET", "/product/3")
        assert gone_on == ["/product/3"]
        gate.open()
        assert {got.headers["x-cache"] for got in await asyncio.gather(*waiting)} == {"hit"}

    run(test)


def test_a_client_that_goes_away_takes_nobody_along(store: Store, backend: Backend) -> None:
    gateway = loop_alone(make_front(store, backend))

    async def test() -> None:
        gate = backend.misbehave = Gate()
        leaving, staying = begin(gateway, BOOK, BOOK)
        await reached(gate)
        await asgi.end([leaving])
        gate.open()
        assert (await staying).headers["x-cache"] == "hit"
        assert (await ask(gateway, "GET", BOOK)).headers["x-cache"] == "hit"

    run(test)


def test_an_answer_that_comes_after_the_loop_has_ended_harms_nobody(store: Store, backend: Backend) -> None:
    front = make_front(store, backend)
    gate = backend.misbehave = Gate()

    async def ends() -> None:
        tasks = begin(loop_alone(front), BOOK)
        await reached(gate)
        await asgi.end(tasks)

    run(ends)
    gate.open()
    assert services.read_book(front, 1).headers["X-Cache"] == "hit", "the thread of lookups goes on"
