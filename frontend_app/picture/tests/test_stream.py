"""What happens at a front is told live to those who watch: bounded, without anybody's business, until it stops."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.api import headers
from bookstore_project.nodes import processes
from bookstore_project.nodes.balancing.circuit_breaker import Fault
from bookstore_project.settings.topology import NODES
from frontend_app.gateway.application import Gateway
from frontend_app.monitoring.feed import Happened
from frontend_app.picture import audience, stream
from frontend_app.picture.audience import Audience, Full, Listener
from frontend_app.picture.looks import Look, Looks
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.asgi import ask
from frontend_app.tests.support.fakes import Store
from frontend_app.tests.support.watching import FEED, Watcher
from tests.asgi import run
from tests.clock import Clock
from tests.waiting import PATIENCE_S

ORDER = "6c1d8f5e-0d2c-4c3c-8f0e-1d2c3b4a5f6e"
BOOK = 7654321


@pytest.fixture
def front() -> Iterator[Front]:
    store = Store()
    store.put(BOOK, price="10.00", topic="something private")
    with serving(fakes.make_front(store)) as front:
        yield front


@pytest.fixture
def gateway(front: Front) -> Iterator[Gateway]:
    made = asgi.make_gateway(front)
    yield made
    made.start().wsgi_pool.close()  # What a test has left refers to it: it wouldn't end by itself.


async def push_of(gateway: Gateway, settings: Settings, request_id: str) -> None:
    """A catalog replica's, on behalf of that request."""
    told = {
        "timeline": fakes.TIMELINE,
        "invalidate": [[5, [f"book:{BOOK}", "topic:something private"]]],
        "set": [],
        "replica": "catalog-2",
    }
    sent = ((headers.SERVICE_TOKEN.lower(), settings.SERVICE_TOKEN), (headers.REQUEST_ID.lower(), request_id))
    answer = await ask(gateway, "POST", "/internal/push/", *sent, body=json.dumps(told).encode())
    assert answer.status == 200


def test_a_miss_a_hit_and_a_purchase_are_told_step_by_step(gateway: Gateway, settings: Settings) -> None:
    async def watch() -> None:
        async with Watcher(gateway) as watcher:
            for _ in range(2):
                await ask(gateway, "GET", f"/product/{BOOK}")
            identity = (headers.REQUEST_ID.lower(), "request-of-a-purchase")
            await push_of(gateway, settings, identity[1])
            await ask(gateway, "POST", f"/purchase/{BOOK}", identity, ("content-type", "application/json"))
            await watcher.until(lambda _: len(watcher.of("answered")) == 3)
        told = {each["kind"]: each for each in watcher.of("answered")}
        assert told["miss"]["route"] == "/product/<int:book_id>"
        assert steps(told["miss"]) == ["ask", "turn", "read", "keep", "answer"]
        assert steps(told["hit"]) == ["ask", "find", "answer"]
        bought = told["purchase"]
        assert (bought["route"], bought["status"]) == ("/purchase/<int:book_id>", 201)
        assert steps(bought) == ["ask", "order", "sell", "commit", "invalidate", "floor", "note", "answer"]
        seen = {step[0]: (step[2], step[3]) for step in bought["steps"]}
        assert {tuple(step[1]) for step in bought["steps"] if step[0] == "sell"} == {("order-1", "catalog-2")}
        assert seen["invalidate"] == ("position 5", True), "this front was told of it"
        assert seen["commit"] == ("position 5", False), "that it was done, the answer alone says"
        assert watcher.of("invalidated") == [{"position": 5, "kinds": {"book": 1, "topic": 1}, "from": "catalog-2"}]

    run(watch)


def steps(told: dict[str, list[list[object]]]) -> list[object]:
    return [step[0] for step in told["steps"]]


def test_nothing_of_it_says_what_was_asked_for_or_by_whom(gateway: Gateway, settings: Settings) -> None:
    """For anybody, logged in or not: one stream for all."""

    async def watch() -> None:
        async with Watcher(gateway, (("cookie", "sessionid=somebodys"),)) as watcher:
            targets = (
                *(f"/product/{BOOK}", f"/product/{BOOK}", f"/api/v1/orders/{ORDER}/", "/search/something%20private"),
                *(f"/api/v1/books/?search=something+private&token={ORDER}", f"/nowhere/{ORDER}"),
            )
            for target in targets:
                await ask(gateway, "GET", target, (headers.REQUEST_ID.lower(), "an-id-of-the-client"))
            await watcher.until(lambda _: any("slot:0" in each for each in watcher.of("looks")))
            await push_of(gateway, settings, "an-id-of-the-client")
            await watcher.until(lambda _: len(watcher.of("answered")) == len(targets) and bool(watcher.of("rate")))
            await watcher.until(lambda _: bool(watcher.of("invalidated")))
        for private in (str(BOOK), ORDER, "private", "token", "an-id-of-the-client", "sessionid"):
            assert private not in watcher.text

    run(watch)


def test_its_head_keeps_proxies_from_holding_it_back_and_browsers_from_keeping_it(gateway: Gateway) -> None:
    async def watch() -> None:
        async with Watcher(gateway) as watcher:
            assert watcher.status == 200
        assert watcher.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert watcher.headers["cache-control"] == "no-store, no-transform"
        assert watcher.headers["x-accel-buffering"] == "no"
        assert "default-src 'none'" in watcher.headers["content-security-policy"]
        assert watcher.text.startswith("retry: 1000\n\n")

    run(watch)


@pytest.mark.parametrize(
    ("method", "sent", "status"),
    [
        ("HEAD", {}, 204),
        ("POST", {}, 405),
        ("GET", {"sec-fetch-site": "cross-site"}, 204),
        ("GET", {"host": "evil.example"}, 400),
    ],
)
def test_anything_out_of_the_ordinary_gets_a_plain_answer_that_ends(
    gateway: Gateway, method: str, sent: dict[str, str], status: int
) -> None:
    async def watch() -> None:
        assert (await ask(gateway, method, FEED, *sent.items())).status == status

    run(watch)


# ------------------------------------------------------------------------------------------------ bounds


def test_of_many_requests_some_are_told_and_how_many_there_were(gateway: Gateway) -> None:
    async def watch() -> None:
        await ask(gateway, "GET", f"/product/{BOOK}")
        began = time.monotonic()
        async with Watcher(gateway) as watcher:
            for number in range(300):
                await ask(gateway, "GET", f"/product/{BOOK}" if number % 3 else "/product/1")
            while (
                sum(each["answered"] for each in watcher.of("rate")) < 300
            ):  # What a hit is left out of, the next tells.
                await ask(gateway, "GET", f"/product/{BOOK}")
                await asyncio.sleep(0.05)
        assert len(watcher.of("answered")) <= audience.DRAWN_PER_S * (time.monotonic() - began + 1)
        assert sum(each["drawn"] for each in watcher.of("rate")) <= len(watcher.of("answered"))

    run(watch)


def test_a_second_has_so_many_drawn_and_no_more(front: Front) -> None:
    async def watch() -> None:
        clock = Clock()
        watched = Audience(front, clock=clock, look=lambda front: {})
        listener = await watched.join()
        for _ in range(10):
            for _ in range(100):
                front.journal.request("GET", "/", "/", 200, "bypass", "front", 1.0, "", [])
            watched._tell()
            clock.now += audience.TELL_EVERY_S
        clock.now += 1
        watched._tell()
        told = listener.take().decode()
        assert told.count("event: answered") <= audience.DRAWN_PER_S * 1.5
        assert '"answered":900,' in told or '"answered":1000,' in told
        watched.close()

    run(watch)


def test_in_a_crowd_all_is_told_once_a_second_but_for_what_becomes_of_nodes(front: Front) -> None:
    async def watch() -> None:
        clock = Clock()
        watched = Audience(front, clock=clock, look=lambda front: {})
        listener = await watched.join()

        def pieces(seconds: int) -> list[str]:
            found = []
            for _ in range(round(seconds / audience.TELL_EVERY_S)):
                for _ in range(10):
                    front.journal.request("GET", "/", "/", 200, "bypass", "front", 1.0, "", [])
                clock.now += audience.TELL_EVERY_S
                watched._tell()
                found += [listener.take().decode()] if listener.waiting else []
            return found

        watched._tell()
        assert len(pieces(1)) >= 9, "it is seen to be a crowd after a second"
        pieces(1)
        assert len(pieces(3)) in (2, 3, 4)
        front.journal.event("catalog-1", "left the rotation")
        assert "left the rotation" in pieces(1)[0]
        watched.close()

    run(watch)


def test_that_there_are_no_requests_any_more_is_told_once(front: Front) -> None:
    async def watch() -> None:
        clock = Clock()
        watched = Audience(front, clock=clock, look=lambda front: {})
        listener = await watched.join()
        front.journal.request("GET", "/", "/", 200, "bypass", "front", 1.0, "", [])
        for _ in range(4):
            watched._tell()
            clock.now += audience.CHECKED_EVERY_S
        told = [each.split("data: ")[1] for each in listener.take().decode().split("\n\n") if "event: rate" in each]
        assert [json.loads(each)["answered"] for each in told] == [1, 0]
        watched.close()

    run(watch)


def test_who_does_not_read_loses_messages_alone_and_is_told_how_many(front: Front) -> None:
    async def watch() -> None:
        watched = Audience(front, look=lambda front: {})
        slow, quick = await watched.join(), await watched.join()
        for number in range(200):
            front.journal.event("catalog-1", f"number {number}")
            watched._tell()
            quick.take()
        assert len(slow.waiting) <= audience.QUEUED
        told = slow.take().decode()
        (lost,) = [json.loads(each.split("data: ")[1]) for each in told.split("\n\n") if "event: dropped" in each]
        assert lost["count"] >= 200 - audience.QUEUED
        assert quick.dropped == 0
        watched.close()

    run(watch)


def test_who_lost_a_change_of_the_looks_gets_all_of_them_anew(front: Front) -> None:
    async def watch() -> None:
        number = iter(range(1000))
        watched = Audience(front, look=lambda front: {"part": Look("word", str(next(number))), "still": STILL})
        listener = await watched.join()
        for _ in range(audience.QUEUED + 1):
            await watched._look_now()
        listener.take()
        await watched._look_now()
        assert b'"still"' in listener.take()
        watched.close()

    run(watch)


STILL = Look("", "never changes")


def test_who_takes_nothing_is_left_and_the_others_go_on(
    front: Front, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SEND_TIMEOUT_S", 0.05)

    async def watch() -> None:
        async with Watcher(gateway) as stuck, Watcher(gateway) as other:
            stuck.reads.clear()
            front.journal.event("catalog-1", "is told of")
            await other.until(lambda told: any(each.event == "happened" for each in told))
            watched = gateway.start().audience
            async with asyncio.timeout(PATIENCE_S):
                while len(watched) > 1:
                    await asyncio.sleep(0)
            assert not other.is_over

    run(watch)


def test_no_more_than_so_many_watch_at_once(gateway: Gateway) -> None:
    async def watch() -> None:
        async with AsyncExitStack() as stack:
            watchers = [await stack.enter_async_context(Watcher(gateway)) for _ in range(50)]
            statuses = [each.status for each in watchers]
            assert statuses == [200] * audience.MOST + [503] * (50 - audience.MOST)
            assert watchers[-1].headers["retry-after"]
        async with Watcher(gateway) as again:
            assert again.status == 200

    run(watch)


def test_nothing_is_noted_while_nobody_watches_nor_long_after(front: Front) -> None:
    async def watch() -> None:
        clock, feed = Clock(), front.journal.feed
        watched = Audience(front, clock=clock, look=lambda front: {})
        front.journal.event("catalog-1", "nobody hears of it")
        assert feed.take() == ([], 0)
        listener = await watched.join()
        assert feed.is_wanted
        watched.leave(listener)
        clock.now += audience.LINGER_S + 1
        async with asyncio.timeout(PATIENCE_S):
            while feed.is_wanted:
                await asyncio.sleep(0.01)
        again = await watched.join()
        assert feed.is_wanted
        assert b"event: hello" in again.take()
        watched.close()

    run(watch)


# ----------------------------------------------------------------------------------- connections that break


def test_who_comes_back_hears_of_what_happened_meanwhile_and_of_nothing_twice(front: Front, gateway: Gateway) -> None:
    front.coherence.instance = processes.instance(front.coherence.instance)

    async def watch() -> None:
        async with Watcher(gateway) as watcher:
            front.journal.event("catalog-1", "before")
            await watcher.until(lambda _: bool(watcher.of("happened")))
        last = next(each.identity for each in watcher.told if each.identity)
        assert processes.of_instance(front.coherence.instance) not in last, "its machine's boot is nobody's business"
        front.journal.event("catalog-1", "meanwhile")
        async with Watcher(gateway, ((stream.LAST_EVENT_ID, last),)) as returned:
            await returned.until(lambda _: bool(returned.of("happened")))
            assert [each["text"] for each in returned.of("happened")] == ["meanwhile"]
            assert not returned.of("missed")
        async with Watcher(gateway, ((stream.LAST_EVENT_ID, "another-process-7"),)) as stranger:
            await stranger.until(lambda _: bool(stranger.of("missed")))

    run(watch)


def test_streams_end_when_the_front_stops_and_none_begins(gateway: Gateway) -> None:
    async def watch() -> None:
        async with Watcher(gateway) as watcher, Watcher(gateway) as other:
            gateway.end_streams()
            await watcher.until(lambda _: watcher.is_over)
            await other.until(lambda _: other.is_over)
            async with Watcher(gateway) as late:
                assert late.status == 503
        with pytest.raises(Full):
            await gateway.start().audience.join()

    run(watch)


def test_a_look_that_cannot_be_made_takes_no_place(front: Front) -> None:
    async def watch() -> None:
        def fail(front: Front) -> Looks:
            raise OSError("no disk")

        watched = Audience(front, look=fail)
        with pytest.raises(OSError, match="no disk"):
            await watched.join()
        assert len(watched) == 0
        watched.close()

    run(watch)


# -------------------------------------------------------------------------------------- what becomes of nodes


def test_what_becomes_of_nodes_is_told_in_words_that_a_picture_knows(front: Front, gateway: Gateway) -> None:
    async def watch() -> None:
        async with Watcher(gateway) as watcher:
            node = NODES["catalog-1"]
            front.breakers.failed(node, "refuses connections", fault=Fault.GONE, began_at=front.breakers.clock())
            front.journal.drain_changed("order-1", True)
            front.journal.drain_changed("order-1", False)
            await watcher.until(lambda _: len(watcher.of("happened")) == 3)
            told = [(each["kind"], each["node"]) for each in watcher.of("happened")]
            assert told == [("left", "catalog-1"), ("drained", "order-1"), ("let-in", "order-1")]
            await watcher.until(lambda _: any("node:catalog-1" in each for each in watcher.of("looks")))
            (look,) = [each["node:catalog-1"] for each in watcher.of("looks") if "node:catalog-1" in each]
            assert look[0].startswith("out")

    run(watch)


def test_who_ordered_something_is_not_told(front: Front, gateway: Gateway) -> None:
    async def watch() -> None:
        async with Watcher(gateway) as watcher:
            front.journal.event("catalog-1", "kill", by="ann", kind="ordered")
            await watcher.until(lambda _: bool(watcher.of("happened")))
            assert watcher.of("happened") == [{"kind": "ordered", "node": "catalog-1", "text": "kill"}]

    run(watch)


def test_items_beyond_what_the_inbox_holds_are_counted(front: Front) -> None:
    feed = front.journal.feed
    feed.is_wanted = True
    for _ in range(5000):
        front.journal.request("GET", "/", "/", 200, "hit", "front", 1.0, "", [], count=2)
    feed.put(Happened("noted", "front", "last"))
    items, answered = feed.take()
    assert (len(items), answered) == (1000, 10_000)
    assert Listener().take() == b""
