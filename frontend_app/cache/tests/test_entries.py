from dataclasses import asdict

import pytest

from frontend_app.cache.entries import CacheEntry, decode
from frontend_app.cache.floors import Floors
from frontend_app.cache.messages import PollAnswer, Push


@pytest.mark.parametrize(
    "garbage", [None, "text", b"", b"1\n2", b"2\n1\n200\nt\nr\ne\nc\n{}", b"1\nx\n200\nt\nr\ne\nc\n{}"]
)
def test_what_is_no_entry_is_a_miss(garbage: object) -> None:
    assert decode(garbage) is None


def test_an_entry_survives_its_encoding_whatever_its_body_holds() -> None:
    entry = CacheEntry(7, "t1", "catalog-2", b"line\nline\n\n\xff", 404, "application/problem+json")
    decoded = decode(entry.encode())
    assert decoded is not None
    assert asdict(decoded) == asdict(entry)


def test_equal_bytes_have_equal_tags() -> None:
    first, second = CacheEntry(7, "t1", "catalog-2", b"{}"), CacheEntry(8, "t2", "catalog-1", b"{}")
    assert first.etag == second.etag != CacheEntry(7, "t1", "catalog-2", b"[]").etag


def test_forgetting_floors_costs_misses_and_never_freshness() -> None:
    floors = Floors(limit=10)
    for position in range(1, 12):
        floors.raise_keys(position, [f"key {position}"])
    assert len(floors) <= 10
    for position in range(1, 12):
        assert floors.of(f"key {position}") >= position


def test_a_floor_never_sinks() -> None:
    floors = Floors()
    floors.raise_keys(7, ["a"])
    floors.raise_keys(3, ["a"])
    floors.raise_base(2)
    assert (floors.of("a"), floors.of("b")) == (7, 2)


@pytest.mark.parametrize("nonsense", [{}, {"timeline": "t"}, {"timeline": "t", "changes": 1}])
def test_what_is_no_answer_to_a_poll_is_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        PollAnswer.parse(nonsense)


def test_a_push_is_read_as_replicas_write_it() -> None:
    push = Push.parse(
        {"timeline": "t", "invalidate": [[3, ["a", "b"]]], "set": [[3, "a", "{}"]], "replica": "catalog-1"}
    )
    assert push.invalidate[0].position == 3
    assert push.sets == [(3, "a", b"{}")]
    with pytest.raises((KeyError, TypeError, ValueError)):
        Push.parse({"invalidate": [[3, ["a"]]]})
