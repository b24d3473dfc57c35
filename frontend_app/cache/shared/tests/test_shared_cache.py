"""A shared cache may fail in any way: it costs misses, and holds nobody up."""

import threading
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bookstore_project.settings.topology import NODES
from frontend_app import runtime
from frontend_app.cache.shared import cache as shared_module
from frontend_app.cache.shared.cache import PAUSE_S, SharedCache
from frontend_app.tests.support.shared_caches import IMPATIENCE_S, Backend, Gate, shared
from tests.clock import Clock
from tests.waiting import PATIENCE_S, wait_for


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(backend: Backend, clock: Clock) -> Any:
    cache = shared(backend, clock=clock)
    yield cache
    cache.close()


def kept(cache: SharedCache, key: str = "book:1", value: bytes = b"value") -> None:
    cache.set(key, value)
    assert cache.flush(PATIENCE_S)


def wait_for_trial(cache: SharedCache) -> None:
    """Returns when a trial that was due is over."""
    wait_for(lambda: cache.status().state != "half-open", PATIENCE_S)


# --------------------------------------------------------------------------------------------- what it keeps


def test_what_was_set_is_found_and_what_was_deleted_is_not(cache: SharedCache) -> None:
    kept(cache)
    assert cache.get("book:1") == b"value"
    cache.delete("book:1")
    assert cache.flush(PATIENCE_S)
    assert cache.get("book:1") is None


def test_a_front_sees_its_own_changes_before_they_are_carried_out(cache: SharedCache, backend: Backend) -> None:
    gate = backend.misbehave = Gate()
    cache.set("book:1", b"first")
    assert gate.is_reached.wait(PATIENCE_S)
    assert cache.get("book:1") == b"first"
    cache.delete("book:1")
    assert cache.get("book:1") is None
    cache.set("book:1", b"second")
    assert cache.get("book:1") == b"second"
    gate.open()
    assert cache.flush(PATIENCE_S)
    assert cache.get("book:1") == b"second"
    assert backend.calls == [("set", "book:1"), ("set", "book:1"), ("get", "book:1")], "one call for the newest"


def test_changes_beyond_the_limit_are_dropped(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_module, "WRITES_WAITING", 3)
    cache, gate = shared(backend), Gate()
    backend.misbehave = gate
    for number in range(5):
        cache.set(f"book:{number}", b"value")
    cache.set("book:0", b"newer")  # A key that waits already takes no more room.
    gate.open()
    assert cache.flush(PATIENCE_S)
    assert cache.status().dropped == 2
    assert sorted(backend.values) == ["book:0", "book:1", "book:2"]
    assert cache.get("book:0") == b"newer"
    cache.close()


def test_many_who_ask_for_a_key_cost_one_lookup(cache: SharedCache, backend: Backend) -> None:
    kept(cache)
    gate = backend.misbehave = Gate()
    threads = [threading.Thread(target=cache.get, args=("book:2",))]
    threads[0].start()
    assert gate.is_reached.wait(PATIENCE_S)
    found: list[bytes | None] = []
    threads += [threading.Thread(target=lambda: found.append(cache.get("book:1"))) for _ in range(5)]
    for thread in threads[1:]:
        thread.start()
    wait_for(lambda: cache._lookups.waiting == 5, PATIENCE_S)
    gate.open()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert found == [b"value"] * 5
    assert backend.calls.count(("get", "book:1")) == 1


def test_who_asks_during_a_lookup_gets_a_later_one(cache: SharedCache, backend: Backend) -> None:
    """What was looked up before somebody asked may be older than what he has to see: a miss, where there is a hit."""
    gate = backend.misbehave = Gate()
    threads = [threading.Thread(target=cache.get, args=("book:1",)) for _ in range(2)]
    threads[0].start()
    assert gate.is_reached.wait(PATIENCE_S)
    threads[1].start()
    wait_for(lambda: cache._lookups.waiting, PATIENCE_S)
    gate.open()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert backend.calls == [("get", "book:1")] * 2


# ----------------------------------------------------------------------------------- values that aren't ours


def test_a_value_counts_only_whole_under_its_key_and_from_this_store(backend: Backend, cache: SharedCache) -> None:
    kept(cache)
    sealed = backend.values["book:1"]
    foreign = SharedCache(backend, secret="of another store", wait_s=PATIENCE_S)
    foreign.set("book:9", b"value")
    assert foreign.flush(PATIENCE_S)
    flipped = bytes([*sealed[:-1], sealed[-1] ^ 1])
    for wrong in (b"", b"value", sealed[:-1], sealed + b"x", flipped, backend.values["book:9"], 7, "text", None, [1]):
        backend.values["book:1"] = wrong
        assert cache.get("book:1") is None
    backend.values["book:2"] = sealed
    assert cache.get("book:2") is None, "another key's answer is a wrong answer"
    backend.values["book:1"] = sealed
    assert cache.get("book:1") == b"value"
    assert cache.status().state == "closed"
    foreign.close()


# ----------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    "error",
    [RedisConnectionError("refused"), RedisTimeoutError("late"), OSError("reset"), TimeoutError(), KeyError("odd")],
    ids=repr,
)
def test_a_failure_is_a_miss_and_leaves_the_cache_out(cache: SharedCache, backend: Backend, error: Exception) -> None:
    kept(cache)
    backend.fail_with(error)
    assert cache.get("book:1") is None
    calls = len(backend.calls)
    for _ in range(10):
        assert cache.get("book:1") is None
        cache.set("book:1", b"other")
        cache.delete("book:1")
    status = cache.status()
    assert (status.state, status.openings, status.failures + status.timeouts) == ("open", 1, 1)
    assert type(error).__name__ in status.reason
    assert len(backend.calls) == calls, "nobody asks while it is left out"


@pytest.mark.parametrize("change", ["set", "delete"])
def test_a_failed_change_leaves_the_cache_out(cache: SharedCache, backend: Backend, change: str) -> None:
    backend.fail_with(RedisConnectionError("gone"))
    if change == "set":
        cache.set("book:1", b"value")
    else:
        cache.delete("book:1")
    assert cache.flush(PATIENCE_S)
    wait_for(lambda: cache.status().state == "open", PATIENCE_S)


@pytest.mark.parametrize(
    "error", [OutOfMemoryError("OOM"), ResponseError("WRONGTYPE"), UnicodeError("key")], ids=repr
)
def test_an_error_reply_concerns_one_call_alone(cache: SharedCache, backend: Backend, error: Exception) -> None:
    kept(cache)
    backend.fail_with(error)
    assert cache.get("book:1") is None
    cache.set("book:1", b"other")
    assert cache.flush(PATIENCE_S)
    backend.misbehave = lambda: None
    assert cache.get("book:1") == b"value"
    assert (cache.status().state, cache.status().failures) == ("closed", 2)


def test_who_waits_too_long_goes_on_and_the_others_do_not_wait(backend: Backend) -> None:
    cache, gate = shared(backend, IMPATIENCE_S), Gate()
    backend.misbehave = gate
    assert cache.get("book:1") is None
    assert (cache.status().state, cache.status().timeouts) == ("open", 1)
    assert cache.get("book:1") is None
    assert cache.status().timeouts == 1
    gate.open()
    cache.close()


def test_an_answer_that_took_too_long_leaves_the_cache_out(
    backend: Backend, cache: SharedCache, clock: Clock
) -> None:
    def dawdle() -> None:
        clock.now += PATIENCE_S + 1

    kept(cache)
    backend.misbehave = dawdle
    cache.get("book:1")
    assert cache.status().state == "open"


def test_after_a_pause_one_trial_decides(cache: SharedCache, backend: Backend, clock: Clock) -> None:
    kept(cache)
    backend.fail_with(RedisConnectionError("gone"))
    cache.get("book:1")
    clock.now += PAUSE_S
    gate = backend.misbehave = Gate()
    calls = len(backend.calls)
    for _ in range(3):
        assert cache.get("book:1") is None, "a trial is nothing to wait for"
    assert gate.is_reached.wait(PATIENCE_S)
    assert cache.status().state == "half-open"
    assert len(backend.calls) == calls + 1
    backend.misbehave = lambda: None
    gate.open()
    wait_for_trial(cache)
    assert cache.status().state == "closed"
    assert cache.get("book:1") == b"value"


def test_a_failed_trial_means_another_pause(cache: SharedCache, backend: Backend, clock: Clock) -> None:
    backend.fail_with(RedisConnectionError("gone"))
    cache.get("book:1")
    clock.now += PAUSE_S
    cache.get("book:1")
    wait_for_trial(cache)
    assert cache.status().state == "open"
    calls = len(backend.calls)
    cache.get("book:1")
    assert len(backend.calls) == calls
    assert cache.status().openings == 1, "it was not in use in between"


def test_a_late_success_does_not_bring_the_cache_back(backend: Backend, clock: Clock) -> None:
    cache, gate = shared(backend, IMPATIENCE_S, clock), Gate()
    backend.misbehave = gate
    assert cache.get("book:1") is None
    gate.open()
    cache.close()
    assert cache.status().state == "open"


def test_what_waits_is_dropped_when_the_cache_is_left_out(cache: SharedCache, backend: Backend) -> None:
    """Old changes carried out later, in a burst, would be of no use to anybody."""
    gate = Gate()

    def misbehave() -> None:
        gate()
        raise RedisConnectionError("gone")

    backend.misbehave = misbehave
    for number in range(5):
        cache.set(f"book:{number}", b"value")
    gate.open()
    assert cache.flush(PATIENCE_S)
    assert cache.status().dropped == 5
    assert len(backend.calls) == 1


def test_a_closed_cache_is_empty(cache: SharedCache, backend: Backend) -> None:
    kept(cache)
    cache.close()
    assert cache.get("book:1") is None
    cache.set("book:2", b"value")
    assert list(backend.values) == ["book:1"]


def test_a_front_keeps_any_cache_with_input_and_output_at_arms_length(backend: Backend) -> None:
    front = runtime.build(NODES["front"], cache=backend)
    assert isinstance(front.reads.cache, SharedCache)
    backend.fail_with(RedisConnectionError("refused"))
    front.reads.cache.get("book:1")
    assert [event["event"] for event in front.journal.events()] == [
        "leaves the shared cache out: ConnectionError: refused"
    ]
    front.stop()
