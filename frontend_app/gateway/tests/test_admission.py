"""Queues before the threads: a crowd is served, and what would come too late is refused as it comes."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bookstore_project.api import headers
from frontend_app.gateway.admission import SEEN_S, TIMES_KEPT, WINDOW_S, Bulkhead, BulkheadFull
from frontend_app.gateway.wsgi_pool import PURCHASES_AT_ONCE, SEARCHES_AT_ONCE, WSGIPool
from tests.asgi import run
from tests.clock import Clock
from tests.waiting import PATIENCE_S


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def turn_of_the_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def full(bulkhead: Bulkhead, waiting: int) -> AsyncIterator[list[asyncio.Task[None]]]:
    """The bulkhead with its slots taken, and so many more in its queue."""
    while not bulkhead._slots.locked():
        await bulkhead.enter(PATIENCE_S)
    queue = [asyncio.create_task(bulkhead.enter(PATIENCE_S)) for _ in range(waiting)]
    await turn_of_the_loop()
    assert bulkhead.waiting == waiting
    try:
        yield queue
    finally:
        for task in queue:
            task.cancel()
        await asyncio.gather(*queue, return_exceptions=True)


async def is_refused(bulkhead: Bulkhead, patience_s: float) -> bool:
    """Whether one who comes now is refused at once; otherwise it goes away by itself."""
    task = asyncio.create_task(bulkhead.enter(patience_s))
    await turn_of_the_loop()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False
    return isinstance(task.exception(), BulkheadFull)


async def leave_one_each_second(bulkhead: Bulkhead, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        bulkhead.leave(kept_s=2)
        await turn_of_the_loop()


def test_by_length_and_pace_who_comes_too_late_is_refused_at_once(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 2, clock=clock)
        async with full(bulkhead, 14):
            await leave_one_each_second(bulkhead, clock, 4)
            assert bulkhead.waiting == 10
            assert await is_refused(bulkhead, 10.5)  # The eleventh, at one in a second.
            assert not await is_refused(bulkhead, 11.5)

    run(test)


def test_a_lane_with_room_refuses_nobody_whatever_was_before(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 2, clock=clock)
        async with full(bulkhead, 4):
            await leave_one_each_second(bulkhead, clock, 6)
        clock.now += 100
        await bulkhead.enter(0.001)
        await bulkhead.enter(0.001)
        assert not await is_refused(bulkhead, 0.5), "the pace of the queue that there is now isn't known yet"

    run(test)


def test_the_pace_is_believed_when_it_has_been_seen_for_a_while(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 1, clock=clock)
        async with full(bulkhead, 50):
            clock.now += SEEN_S / 2
            bulkhead.leave(kept_s=1)
            await turn_of_the_loop()
            assert not await is_refused(bulkhead, 5)
            clock.now += SEEN_S / 2
            assert await is_refused(bulkhead, 5)

    run(test)


def test_a_stall_refuses_nobody_until_it_is_longer_than_anybody_waits(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 1, clock=clock)
        async with full(bulkhead, 5):
            clock.now += WINDOW_S - 0.1
            assert not await is_refused(bulkhead, 8)
            clock.now += 0.1
            assert not await is_refused(bulkhead, 8), "it may be one request that is slow"
            for _ in range(TIMES_KEPT):
                bulkhead._kept_s.append(3)
            assert await is_refused(bulkhead, 8)

    run(test)


def test_a_stall_after_a_good_pace_is_not_taken_for_the_pace(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 4, clock=clock)
        async with full(bulkhead, 400):
            for _ in range(300):
                clock.now += 0.01
                bulkhead.leave(kept_s=0.04)
                await turn_of_the_loop()
            clock.now += 2.0  # All that are inside hang.
            assert not await is_refused(bulkhead, 8)

    run(test)


def test_a_stall_that_fills_a_lane_is_not_taken_for_its_pace(clock: Clock) -> None:
    """As when a replica is stopped: one of four slots goes on, and soon all will."""

    async def test() -> None:
        bulkhead = Bulkhead("test", 4, clock=clock)
        for _ in range(10):
            await bulkhead.enter(PATIENCE_S)
            bulkhead.leave(kept_s=0.05)
        async with full(bulkhead, 40):
            clock.now += 2.5
            bulkhead.leave(kept_s=2.5)
            await turn_of_the_loop()
            assert not await is_refused(bulkhead, 8)

    run(test)


def test_the_queue_is_bounded(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 1, max_waiting=3, clock=clock)
        async with full(bulkhead, 2):
            assert not await is_refused(bulkhead, PATIENCE_S)
        async with full(bulkhead, 3):
            before = bulkhead._count._value.get()
            assert await is_refused(bulkhead, PATIENCE_S)
            assert bulkhead._count._value.get() == before + 1

    run(test)


def test_who_goes_away_leaves_the_queue(clock: Clock) -> None:
    async def test() -> None:
        bulkhead = Bulkhead("test", 1, clock=clock)
        async with full(bulkhead, 3):
            pass
        assert bulkhead.waiting == 0
        bulkhead.leave(kept_s=1)
        await bulkhead.enter(0.001)

    run(test)


# ----------------------------------------------------------------------------------- whole requests


class Gate:
    """A WSGI application that waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.inside = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.inside.release()
        assert self.let_go.wait(PATIENCE_S)
        start_response("200 OK", [])
        return [b""]


def environ(method: str, path: str = "/", **sent: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "PATH_INFO": path, **sent}


async def come_in(gate: Gate, count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(gate.inside.acquire, timeout=PATIENCE_S)


def test_nothing_is_begun_for_which_the_time_is_too_short() -> None:
    async def test() -> None:
        gate = Gate()
        way = WSGIPool(gate, threads=1)
        await way._reads.enter(1)
        way._reads.leave(3600.0)
        hurried = {headers.environ_name(headers.REQUEST_TIMEOUT): "7000"}
        first = asyncio.create_task(way.answer(environ("GET", "/", **hurried)))
        await come_in(gate, 1)  # There was room.
        with pytest.raises(BulkheadFull):
            await way.answer(environ("GET", "/", **hurried))
        gate.let_go.set()
        assert (await first).status == 200
        way.close()

    run(test)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("POST", "/purchase/2"), ("POST", "/api/v1/orders/"), ("POST", "/buy/")]
)
def test_a_crowd_at_once_is_served(method: str, path: str) -> None:
    async def test() -> None:
        gate = Gate()
        way = WSGIPool(gate, threads=8)
        crowd = [asyncio.create_task(way.answer(environ(method, path))) for _ in range(400)]
        await come_in(gate, 4)
        gate.let_go.set()
        assert {(await task).status for task in crowd} == {200}
        way.close()

    run(test)


def test_neither_reads_nor_writes_keep_each_other_or_the_store_itself_waiting() -> None:
    async def test() -> None:
        gate = Gate()
        way = WSGIPool(gate, threads=5)
        kinds = [("GET", "/"), ("POST", "/"), ("GET", "/readyz"), ("GET", "/metrics/"), ("POST", "/internal/push/")]
        crowd = [asyncio.create_task(way.answer(environ("GET"))) for _ in range(20)]
        await come_in(gate, 1)
        others = [asyncio.create_task(way.answer(environ(method, path))) for method, path in kinds[1:4]]
        await come_in(gate, 3)
        gate.let_go.set()
        assert {(await task).status for task in (*crowd, *others)} == {200}
        way.close()

    run(test)


STALLED = [
    ("POST", "/purchase/2", {}),
    ("PATCH", "/api/v1/books/2/", {}),
    ("PATCH", "/api/v1/books/2/", {"HTTP_AUTHORIZATION": "Basic bm9ib2R5Omtub3dz"}),
    ("GET", "/api/v1/orders/", {"HTTP_AUTHORIZATION": "basic bm9ib2R5Omtub3dz"}),
    ("POST", "/admin/login/", {}),
]
SERVED: list[tuple[str, str, dict[str, str]]] = [
    ("POST", "/api/v1/orders/", {}),
    ("PATCH", "/api/v1/books/2/", {}),
    ("GET", "/api/v1/books/", {}),
]


@pytest.mark.parametrize("stalled", STALLED, ids=lambda case: f"{case[0]} {case[1]} {' '.join(case[2])}")
def test_what_stalls_one_kind_of_request_holds_up_no_other(stalled: tuple[str, str, dict[str, str]]) -> None:
    """A stopped order replica, or strangers who try passwords, whose checks take a core each."""

    async def test() -> None:
        gate = Gate()
        way = WSGIPool(gate, threads=8)
        method, path, sent = stalled
        crowd = [asyncio.create_task(way.answer(environ(method, path, **sent))) for _ in range(30)]
        await come_in(gate, 1)
        kept_by = way._bulkhead_of(environ(method, path, **sent))
        others = [case for case in SERVED if way._bulkhead_of(environ(case[0], case[1], **case[2])) is not kept_by]
        assert len(others) >= len(SERVED) - 1
        tasks = [asyncio.create_task(way.answer(environ(*case[:2], **case[2]))) for case in others]
        await come_in(gate, len(others))  # All that were let in, before one of the crowd has ended.
        gate.let_go.set()
        assert {(await task).status for task in (*crowd, *tasks)} == {200}
        way.close()

    run(test)


@pytest.mark.parametrize(
    "search", [("/api/v1/books/", "%66ind=words"), ("/api/v1/books", "search=a"), ("/", "find=a")]
)
def test_a_flood_of_searches_keeps_no_other_reader_waiting(search: tuple[str, str]) -> None:
    """Each takes a replica's processor for long: no more of them come to the replicas at once than these can bear."""

    async def test() -> None:
        gate = Gate()
        way = WSGIPool(gate, threads=PURCHASES_AT_ONCE + 2 * SEARCHES_AT_ONCE)
        path, query = search
        crowd = [asyncio.create_task(way.answer(environ("GET", path, QUERY_STRING=query))) for _ in range(30)]
        await come_in(gate, SEARCHES_AT_ONCE)
        others = [asyncio.create_task(way.answer(environ("GET", path))) for path in ("/product/2", "/", "/search/x")]
        await come_in(gate, len(others))
        assert not gate.inside.acquire(blocking=False), "one more of the crowd was let in"
        gate.let_go.set()
        assert {(await task).status for task in (*crowd, *others)} == {200}
        way.close()

    run(test)


def test_nobody_waits_longer_than_the_client(clock: Clock) -> None:
    async def test() -> None:
        gate = Gate()
        way = WSGIPool(gate, threads=1)
        first = asyncio.create_task(way.answer(environ("GET")))
        await come_in(gate, 1)
        hurried = {headers.environ_name(headers.REQUEST_TIMEOUT): "0.01"}
        with pytest.raises(BulkheadFull):
            await way.answer(environ("GET", "/", **hurried))
        nonsense = {headers.environ_name(headers.REQUEST_TIMEOUT): "soon"}
        later = asyncio.create_task(way.answer(environ("GET", "/", **nonsense)))
        gate.let_go.set()
        assert [(await task).status for task in (first, later)] == [200, 200]
        way.close()

    run(test)
