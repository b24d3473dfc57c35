"""What a front counts of itself and of its replicas, and what it draws of it."""

import re
from collections.abc import Mapping

import pytest
from django.test import Client

from bookstore_project.api import headers, problems
from bookstore_project.nodes import metrics
from bookstore_project.nodes.gateway.messages import raw_headers
from frontend_app import services
from frontend_app.cache.coherence import PushedInvalidation
from frontend_app.dashboard import sparklines, state
from frontend_app.gateway.access_log import AccessLog
from frontend_app.monitoring.journal import Journal
from frontend_app.monitoring.rolling_stats import SECONDS, RollingStats, RollingWindow
from frontend_app.monitoring.trace import Step, tracing
from frontend_app.runtime import serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.fakes import Store, make_front
from tests.asgi import run
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_percentiles_are_right_to_a_tenth(clock: Clock) -> None:
    window = RollingWindow(clock)
    for took_ms in range(1, 101):
        window.add(float(took_ms))
    summary = window.summary()
    assert summary["served"] == 100
    assert summary["p50_ms"] == pytest.approx(50, rel=0.1)
    assert summary["p99_ms"] == pytest.approx(99, rel=0.1)


def test_an_empty_window_has_no_times(clock: Clock) -> None:
    summary = RollingWindow(clock).summary()
    assert (summary["served"], summary["failed"], summary["p50_ms"], summary["p99_ms"]) == (0, 0, None, None)
    assert summary["per_second"] == [0] * SECONDS


def test_what_is_older_than_a_minute_is_forgotten(clock: Clock) -> None:
    window = RollingWindow(clock)
    window.add(1, is_error=True)
    clock.now += SECONDS
    window.add(1)
    assert (window.summary()["served"], window.summary()["failed"]) == (2, 1)
    assert window.summary()["per_second"][0] == 1
    clock.now += 1
    assert (window.summary()["served"], window.summary()["failed"]) == (1, 0)


def test_a_window_used_again_after_a_long_pause_shows_nothing_old(clock: Clock) -> None:
    window = RollingWindow(clock)
    window.add(1)
    clock.now += 1000 * (SECONDS + 1)
    assert window.summary()["served"] == 0
    window.add(1)
    assert window.summary()["served"] == 1


def test_hit_ratio_of_each_second(clock: Clock) -> None:
    window = RollingWindow(clock)
    for cache in ("hit", "hit", "miss", "bypass"):
        window.add(1, cache=cache)
    clock.now += 1
    assert window.hit_ratios()[-1] == pytest.approx(2 / 3, abs=0.001)
    assert window.hit_ratios()[-2] is None


def test_a_call_without_an_answer_and_one_that_failed_are_errors_of_the_replica(clock: Clock) -> None:
    figures = RollingStats(clock)
    steps = [Step("catalog-1", "GET /", "never sent", 1.0), Step("catalog-2", "GET /", "200", 1.0)]
    steps += [Step("catalog-2", "GET /", "503", 1.0), Step("catalog-2", "GET /", "404", 1.0)]
    figures.note(200, "miss", 3.0, steps)
    assert (figures.of("catalog-1").summary()["served"], figures.of("catalog-1").summary()["failed"]) == (1, 1)
    assert (figures.of("catalog-2").summary()["served"], figures.of("catalog-2").summary()["failed"]) == (3, 1)
    assert figures.own.summary()["failed"] == 0


def measured() -> float:
    """Answers that the metrics tell of."""
    samples = [sample for family in metrics.requests.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_count"))


def test_every_answer_counts_once_whichever_way_it_went() -> None:
    """A miss in a thread, hits on the event loop, of which one is a HEAD, a refusal by the gateway itself."""
    store = Store()
    store.put(1, price="10.00")
    front = make_front(store)
    gateway = asgi.make_gateway(front, threads=1)

    async def talk() -> None:
        for method in ("GET", "GET", "HEAD", "GET", "GET"):
            await asgi.ask(gateway, method, "/product/1")
        await asgi.ask(gateway, "POST", "/purchase/1", ("content-length", "2000000"))

    before = measured()
    with serving(front):
        run(talk)
    assert front.journal.stats.own.summary()["served"] == 6
    assert (front.reads.counters().hits, front.reads.counters().misses) == (4, 1)
    assert measured() - before == 6
    told = {node["name"]: node["served"] for node in state.describe(front)["nodes"]}
    assert told["front"] == 6
    assert told["catalog-1"] + told["catalog-2"] == 1


def test_a_flood_of_hits_is_counted_though_few_are_written() -> None:
    journal = Journal()
    log = AccessLog(journal)
    named = [(headers.CACHE, "hit"), (headers.REPLICA, "catalog-1"), (headers.REQUEST_ID, "x")]
    scope = {"method": "GET", "path": "/product/1", "query_string": b""}
    start = {"status": 200, "headers": raw_headers(named)}
    moments = [1000 + moment / 1000 for moment in range(500)]
    for moment in (*moments, 1001.5):
        log.hit(scope, start, moment)
    assert journal.stats.own.summary()["served"] == len(moments) + 1
    assert len(journal.requests()) < 60


def test_rotation_says_whose_turn_is_next_and_takes_none() -> None:
    store = Store()
    store.put(1, price="10.00")
    front = make_front(store)
    for _ in range(3):
        upcoming = {turn["service"]: turn["next"] for turn in state.describe(front)["rotation"]}
        with tracing():
            services.list_books(front, "")
        assert store.asked[-1].node == upcoming["catalog"]
    front.breakers.failed(fakes.CATALOG_1, "does not answer")
    assert {turn["next"] for turn in state.describe(front)["rotation"]} >= {"catalog-2"}


def test_recent_invalidations_are_told_newest_first() -> None:
    store = Store()
    front = make_front(store)
    for price in ("1.00", "2.00"):
        fakes.push(front, store.put(1, price=price))
    told = state.describe(front)["invalidations"]
    assert [change["position"] for change in told] == [store.position, store.position - 1]
    assert (told[0]["keys"], told[0]["more"]) == (["book:1", "topic:things"], 0)


def test_an_invalidation_of_many_keys_is_told_in_short() -> None:
    """An import has hundreds in one change."""
    front = make_front(Store())
    keys = [f"book:{number}" for number in range(1, 201)]
    front.coherence.invalidation_log.recent.appendleft(PushedInvalidation(0.0, 7, tuple(keys)))
    (told,) = state.describe(front)["invalidations"]
    assert told["keys"] == keys[: state.INVALIDATED_SHOWN]
    assert len(told["keys"]) + told["more"] == 200
    with serving(front):
        page = Client().get("/cluster/live/").content.decode()
    assert f"and {told['more']} more" in page
    assert "book:200" not in page


def test_the_page_tells_whom_the_supervisor_keeps_stopped_or_paused() -> None:
    front = make_front(Store())
    front.supervisor_states.ask = lambda known: {"front": "running", "catalog-1": "paused", "order-2": "stopped"}
    front.supervisor_states.look()
    told = {node["name"]: node["process"] for node in state.nodes(front)}
    assert told == {
        "front": "running",
        "catalog-1": "paused",
        "catalog-2": None,
        "order-1": None,
        "order-2": "stopped",
    }
    with serving(front):
        page = Client().get("/cluster/live/").content.decode()
    rows = dict(re.findall(r'<tr id="node-([^"]+)">(.*?)</tr>', page, re.DOTALL))
    assert {name for name, row in rows.items() if "on purpose" in row} == {"catalog-1", "order-2"}
    assert "paused on purpose" in rows["catalog-1"]
    assert "stopped on purpose" in rows["order-2"]


def test_without_a_supervisor_nothing_is_told_of_processes() -> None:
    front = make_front(Store())
    front.supervisor_states.states = {"catalog-1": "paused"}

    def refuse(known: Mapping[str, str]) -> dict[str, str]:
        raise problems.Unavailable("No supervisor answers.")

    front.supervisor_states.ask = refuse
    front.supervisor_states.look()
    assert {node["process"] for node in state.nodes(front)} == {None}


def test_a_curve_stays_within_its_picture() -> None:
    for values in ([], [0], [1, 5, 3], [0.5, None, 1.0], [None, None]):
        pairs = [pair.split(",") for pair in sparklines.points(values).split()]
        assert all(0 <= float(x) <= sparklines.WIDTH and 0 <= float(y) <= sparklines.HEIGHT for x, y in pairs)
        assert len(pairs) == len(values)
    top, bottom = sparklines.points([4, 0]).split()
    assert float(top.split(",")[1]) < float(bottom.split(",")[1])
