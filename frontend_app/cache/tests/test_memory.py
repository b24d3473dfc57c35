"""What a front remembers of requests is bounded in bytes, whatever strangers send; what can't be a hit isn't kept."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from frontend_app import services
from frontend_app.cache import entries
from frontend_app.cache.entries import CacheEntry
from frontend_app.cache.lru import LRUCache
from frontend_app.cache.memo import ENTRY_BYTES, Memo
from frontend_app.gateway import fast_path, request_headers, response_headers
from frontend_app.gateway.fast_path import FastPath
from frontend_app.gateway.request_headers import RequestHeaders
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.asgi import HOST
from frontend_app.tests.support.fakes import Store
from tests.asgi import scope_of
from tests.clock import Clock

BOOK = "/api/v1/books/1/"


@pytest.fixture
def front() -> Iterator[Front]:
    store = Store()
    store.put(1, topic="things")
    front = fakes.make_front(store)
    services.read_book(front, 1)
    services.read_titles(front, "things", "page=1")
    with serving(front):
        yield front


def ask(way: FastPath, target: str, *more: tuple[str, str], method: str = "GET") -> bool:
    """Whether it was a hit."""
    return way.answer(scope_of(method, target, [HOST, *more]), time.perf_counter()) is not None


def test_a_memo_holds_so_many_bytes_and_nothing_large() -> None:
    memo: Memo[int, str] = Memo(size_bytes=10 * (ENTRY_BYTES + 100), largest_bytes=500)
    for number in range(1000):
        memo.keep(number, "", 100)
        assert len(memo.known) <= 10
        assert number in memo.known
    memo.keep(-1, "", 501)
    assert -1 not in memo.known


def test_what_is_kept_twice_counts_once() -> None:
    memo: Memo[str, int] = Memo(size_bytes=2 * ENTRY_BYTES, largest_bytes=10)
    memo.keep("a", 1, 0)
    for _ in range(10):
        memo.keep("b", 2, 0)
    assert memo.known == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "target",
    ["/product/7", "/search/unknown", "/nothing", "/product/1?token=x", "/search/things?page=x", "/" + "x" * 60_000],
)
def test_an_address_that_is_no_hit_is_not_remembered(front: Front, target: str) -> None:
    way = FastPath(front)
    assert not ask(way, target)
    assert not way._targets.known


def test_an_address_that_was_a_hit_is_remembered(front: Front) -> None:
    way = FastPath(front)
    for target in (BOOK, "/product/1", "/search/things?page=1"):
        assert ask(way, target)
        assert ask(way, target)
    assert len(way._targets.known) == 3


def test_hits_of_endless_spellings_are_remembered_within_bounds(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`&&&` is nothing, so an address can be written in as many ways as anybody likes."""
    monkeypatch.setattr(fast_path, "TARGETS_BYTES", 100_000)
    way = FastPath(front)
    for number in range(600):
        ask(way, f"/search/things?page=1{'&' * number}")
    kept = [len(path) + len(query) for path, query in way._targets.known]
    assert sum(kept) + ENTRY_BYTES * len(kept) <= 100_000
    ask(way, f"/search/things?page=1{'&' * 60_000}")
    assert all(len(query) < fast_path.LARGEST_TARGET_BYTES for _, query in way._targets.known)


def test_a_remembered_address_does_not_keep_an_answer_that_the_cache_has_dropped(front: Front) -> None:
    way = FastPath(front)
    assert ask(way, BOOK)
    (wanted,) = way._targets.known.values()
    held = [getattr(wanted, name) for name in wanted.__slots__]
    assert not any(isinstance(value, entries.Ready) for value in held)


def test_headers_are_remembered_within_bounds_however_many_or_long(front: Front) -> None:
    known = RequestHeaders()
    for number in range(3000):
        many = [(f"x-{number}-{place}", "") for place in range(40)]
        known.of(scope_of("GET", BOOK, [HOST, *many]))
    overhead = request_headers.HEADER_BYTES * 41
    assert len(known.known) * overhead <= request_headers.HEADERS_BYTES
    before = len(known.known)
    known.of(scope_of("GET", BOOK, [HOST, ("user-agent", "x" * request_headers.LARGEST_KEPT_BYTES)]))
    assert len(known.known) == before


@pytest.mark.parametrize(
    "sent", [("host", "evil.example"), ("authorization", "Basic x"), ("accept", "text/html"), ("content-length", "5")]
)
def test_headers_that_can_bring_no_hit_are_not_remembered(front: Front, sent: tuple[str, str]) -> None:
    known = RequestHeaders()
    known.of(scope_of("GET", BOOK, [sent] if sent[0] == "host" else [HOST, sent]))
    assert not known.known


def test_hosts_are_remembered_if_they_are_allowed_and_short(front: Front) -> None:
    response_headers.HOSTS.known.clear()
    for number in range(100):
        ask(FastPath(front), BOOK, ("host", f"{'x' * 5000}{number}.example"))
    long = "127.0.0.1:" + "0" * 60_000
    FastPath(front).answer(scope_of("GET", BOOK, [("host", long)]), time.perf_counter())
    assert set(response_headers.HOSTS.known) <= {HOST[1]}


def test_entries_are_kept_ready_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    memo: Memo[bytes, Any] = Memo(50_000, 5_000)
    monkeypatch.setattr(entries, "READY", memo)
    for number in range(100):
        found = entries.ready(CacheEntry(1, "t", "catalog-1", b"%d" % number * 1000).encode())
        assert found is not None
        assert sum(2 * len(value) for value in memo.known) <= 50_000
    assert memo.known
    before = dict(memo.known)
    large = entries.ready(CacheEntry(1, "t", "catalog-1", b"x" * 10_000).encode())
    assert large is not None
    assert len(large.body) == 10_000
    assert memo.known == before


def bounded(max_bytes: int) -> LRUCache:
    return LRUCache(f"bounded-{time.perf_counter_ns()}", {"OPTIONS": {"MAX_ENTRIES": 1000, "MAX_BYTES": max_bytes}})


def test_large_entries_drive_out_the_least_recently_used() -> None:
    cache = bounded(10_000)
    for key in "abcdef":
        cache.set(key, b"x" * 1500)
    assert cache.keys_in_order() == ["b", "c", "d", "e", "f"]
    assert cache.counters().evictions == 1
    cache.set("g", b"x" * 6000)
    assert cache.keys_in_order() == ["f", "g"]


def test_an_entry_larger_than_the_cache_is_left_out() -> None:
    cache = bounded(10_000)
    cache.set("a", b"x")
    cache.set("b", b"x")
    cache.set("b", b"x" * 20_000)
    assert cache.keys_in_order() == ["a"]


def test_what_is_overwritten_deleted_cleared_or_expired_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(LRUCache, "clock", clock)
    cache = bounded(10_000)
    for _ in range(20):
        cache.set("a", b"x" * 3000)
        cache.set("b", b"x" * 3000)
        cache.delete("b")
        cache.set("c", b"x" * 3000, 5)
        clock.now += 6
        cache.get("c")
        cache.touch("a")
        assert cache.keys_in_order() == ["a"]
    cache.clear()
    for key in "abc":
        cache.set(key, b"x" * 2500)
    assert cache.keys_in_order() == ["a", "b", "c"]
    assert cache.counters().evictions == 0
