"""The event loop goes on, whatever a shared cache does."""

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings

from bookstore_project.api import headers
from frontend_app.gateway.application import Gateway
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.asgi import ask
from frontend_app.tests.support.fakes import Store
from frontend_app.tests.support.shared_caches import IMPATIENCE_S, shared
from tests.answers import Answer
from tests.asgi import run
from tests.waiting import PATIENCE_S

BOOK = "/api/v1/books/1/"


class HungCache:
    """Takes calls, and comes back from none before it is let go."""

    def __init__(self) -> None:
        self.is_called, self.let_go = threading.Event(), threading.Event()

    def get(self, key: str) -> None:
        self.is_called.set()
        self.let_go.wait(PATIENCE_S)

    def set(self, key: str, value: object) -> None:
        self.get(key)

    delete = get


@pytest.fixture
def hung() -> Iterator[HungCache]:
    cache = HungCache()
    yield cache
    cache.let_go.set()


@pytest.fixture
def store() -> Store:
    store = Store()
    store.put(1, price="10.00")
    return store


def push_body(position: int) -> bytes:
    return json.dumps(
        {
            "timeline": fakes.TIMELINE,
            "invalidate": [[position, ["book:1"]]],
            "set": [[position, "book:2", "{}"]],
            "replica": "catalog-1",
        }
    ).encode()


async def push(gateway: Gateway, position: int) -> Answer:
    token = (headers.SERVICE_TOKEN, settings.SERVICE_TOKEN)
    return await ask(gateway, "POST", "/internal/push/", token, body=push_body(position))


def serve(store: Store, hung: HungCache, wait_s: float) -> tuple[Front, Gateway]:
    front = fakes.make_front(store, shared(hung, wait_s))
    return front, asgi.make_gateway(front)


def test_pushes_and_health_do_not_wait_for_it(store: Store, hung: HungCache) -> None:
    """A reader that is ready to wait for longer than the test waits for it, and nobody else does."""
    front, gateway = serve(store, hung, PATIENCE_S)

    async def test() -> None:
        reading = asyncio.create_task(ask(gateway, "GET", BOOK))
        while not hung.is_called.is_set():
            await asyncio.sleep(0)
        for position in range(10, 20):
            assert (await push(gateway, position)).status == 200
            assert (await ask(gateway, "GET", "/healthz")).status == 200
        assert front.coherence.floors.of("book:1") == 19
        assert not reading.done()
        hung.let_go.set()
        assert (await reading).headers["x-cache"] == "miss"

    with serving(front):
        run(test)


def test_a_reader_waits_for_it_once_and_not_long(store: Store, hung: HungCache) -> None:
    front, gateway = serve(store, hung, IMPATIENCE_S)

    async def test() -> None:
        for _ in range(3):
            got = await ask(gateway, "GET", BOOK)
            assert (got.status, got.headers["x-cache"]) == (200, "miss")
        told = fakes.parsed((await ask(gateway, "GET", "/api/v1/cluster/")).body)
        assert told["cache"]["size"] is None
        assert (told["cache"]["shared"]["state"], told["cache"]["shared"]["openings"]) == ("open", 1)

    with serving(front):
        run(test)


def test_metrics_and_the_cluster_page_say_that_it_is_left_out(store: Store, hung: HungCache) -> None:
    front, gateway = serve(store, hung, IMPATIENCE_S)

    async def test() -> None:
        await ask(gateway, "GET", BOOK)
        page = (await ask(gateway, "GET", "/cluster/", ("accept", "text/html"))).body.decode()
        assert "left out: no answer within" in page
        assert "leaves the shared cache out" in page

    with serving(front):
        run(test)
        from prometheus_client import CollectorRegistry, generate_latest

        from frontend_app.dashboard.metrics import FrontCollector

        registry = CollectorRegistry()
        registry.register(FrontCollector())
        text = generate_latest(registry).decode()
    assert "bookstore_shared_cache_in_use 0.0" in text
    assert "bookstore_shared_cache_timeouts_total 1.0" in text
    assert "bookstore_cache_entries" not in text, "which nobody knows"
