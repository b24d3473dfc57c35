"""A few seconds of stress; and what is draw_faults, counted and concluded."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests import programs
from tests.chaos.checker import Violation
from tests.chaos.history import NEVER, Asked, Kind, Operation, Outcome
from tests.on_postgresql import BINARIES, PACKAGE, program
from tests.stress.fault_schedule import ISOLATION, KINDS, Event, FaultSchedule, cut_off, draw_faults
from tests.stress.matrix import carry_out, failures, variants_of
from tests.stress.network import Network, Trouble, Way
from tests.stress.report import Result, count_overlaps
from tests.stress.run import FULL, LRU, PUSH, REDIS, Variant
from tests.waiting import wait_for

CALLS = [("front", "catalog-1"), ("catalog-1", "front"), ("order-1", "catalog-1")]
SECONDS = 2.0
"""Of one run."""
OVERLAPS = 20
"""What a slow machine does, too."""
STALE = Violation("book 1: a stale read: an acknowledged write wasn't seen")


def operation(kind: Kind, begin: float, end: float, book: int = 1) -> Operation:
    return Operation("actor", Asked(kind, book), begin, end, Outcome.OPEN if end == NEVER else Outcome.OK)


def result(*violations: Violation, overlaps: int = 1000, silent: Iterable[Way] = ()) -> Result:
    operations = [operation(Kind.EDIT, 0, 1), *[operation(Kind.READ, 0, 1)] * overlaps]
    return Result("", 1, operations, 1, Counter(), 0, 0, 0, 0, frozenset(silent), violations)


def test_a_forecast_follows_from_its_seed_and_ends_in_time() -> None:
    events = draw_faults("seed", CALLS, 100, 1)
    told = [(event.begins_s, event.ends_s, event.trouble.kind, event.trouble.ways) for event in events]
    again = draw_faults("seed", CALLS, 100, 1)
    assert told == [(event.begins_s, event.ends_s, event.trouble.kind, event.trouble.ways) for event in again]
    assert {event.trouble.kind for event in events} == KINDS.keys()
    assert all(0 <= event.begins_s < event.ends_s <= 100 for event in events)
    assert [event.begins_s for event in draw_faults("another", CALLS, 100, 1)] != [begins_s for begins_s, *_ in told]


def test_a_front_that_is_cut_off_from_the_catalog_still_sells() -> None:
    calls = [("front", "catalog-1"), ("front", "order-1"), ("front-2", "catalog-1"), ("catalog-1", "front-2")]
    one, all_fronts = cut_off("front-2", calls), cut_off("", calls)
    assert one.ways == {("front-2", "catalog-1"), ("catalog-1", "front-2")}
    assert all_fronts.ways == one.ways | {("front", "catalog-1"), ("catalog-1", "front")}


def test_who_is_isolated_reaches_nobody_and_is_reached_by_nobody() -> None:
    isolated = {event.trouble.ways for event in draw_faults("seed", CALLS, 100, 1) if event.trouble.kind == ISOLATION}
    assert {("order-1", "catalog-1"), ("catalog-1", "order-1")} in isolated
    assert {way for call in CALLS for way in (call, call[::-1])} in isolated  # catalog-1 has to do with all others.


@pytest.mark.parametrize("ends_early", [False, True])
def test_the_fault_schedule_leaves_no_trouble(ends_early: bool) -> None:
    trouble = Trouble("partition", frozenset(CALLS), is_blocked=True)
    with Network([], {}, "seed") as network:
        schedule = FaultSchedule(network, [Event(0, 3600 if ends_early else 0.01, trouble)])
        schedule.start()
        if ends_early:
            wait_for(lambda: schedule.begun)
            schedule.end()
        schedule.join()
    assert schedule.begun == {"partition": 1}
    assert network.troubles == []


def test_overlaps_are_reads_of_a_book_while_a_write_of_it_is_under_way() -> None:
    assert count_overlaps([operation(Kind.EDIT, 0, 5), operation(Kind.READ, 1, 2), operation(Kind.READ, 4, 9)]) == 2
    long_and_short = [operation(Kind.SELL, 0, 9), operation(Kind.SELL, 1, 2)]
    assert count_overlaps([*long_and_short, operation(Kind.READ, 7, 8)]) == 1
    assert count_overlaps([operation(Kind.EDIT, 2, 3), operation(Kind.READ, 0, 1), operation(Kind.READ, 4, 5)]) == 0
    assert count_overlaps([operation(Kind.EDIT, 0, 5), operation(Kind.READ, 1, 2, book=2)]) == 0
    assert count_overlaps([operation(Kind.EDIT, 0, NEVER), operation(Kind.READ, 1, 2)]) == 0
    assert count_overlaps([operation(Kind.EDIT, 0, 5), operation(Kind.EDIT, 1, 2)]) == 0


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ({Variant(1): result(), Variant(1, coherence=PUSH): result(STALE)}, []),
        ({Variant(1): result(STALE), Variant(1, coherence=PUSH): result(STALE)}, ["1 violations"]),
        ({Variant(1): result(), Variant(1, coherence=PUSH): result()}, ["no stale read"]),
        ({Variant(1): result(), Variant(1, coherence=PUSH): result(Violation("oversold"))}, ["no stale read"]),
        (
            {Variant(1): result(silent=[("catalog", "front")]), Variant(1, coherence=PUSH): result(STALE)},
            ["no catalog called a front"],
        ),
        ({Variant(1): result(overlaps=999), Variant(1, coherence=PUSH): result(STALE)}, ["fewer than 1000"]),
    ],
)
def test_a_store_fails_by_what_its_results_say(results: dict[Variant, Result], told: list[str]) -> None:
    found = list(failures(results, 1000))
    assert len(found) == len(told)
    assert all(words in failure for words, failure in zip(told, found, strict=True))


def test_every_combination_is_tried_and_the_usual_way_with_the_same_seed() -> None:
    assert variants_of([1, 3], [LRU, REDIS]) == [
        *[Variant(fronts, backend, FULL) for backend in (LRU, REDIS) for fronts in (1, 3)],
        Variant(1, LRU, PUSH),
    ]


def stress(variants: list[Variant], folder: Path, prepared: Path | None) -> None:
    """On PostgreSQL if nothing is prepared: a store makes its databases itself."""
    verdict = carry_out(
        variants,
        seconds=SECONDS * len(variants),
        seed="a few seconds",
        overlaps=OVERLAPS,
        folder=folder,
        say=print,
        begin=lambda what, progress: print(what),
        prepared=prepared,
        is_patient=True,
        is_on_servers=prepared is None,
        is_forked=True,
    )
    assert list(verdict.failures) == []
    assert all(result.late and result.kills for result in verdict.results.values())


def test_no_read_is_stale_in_a_few_seconds_of_stress_and_the_usual_way_shows_many(
    tmp_path: Path, prepared: Path
) -> None:
    stress(variants_of([1], [LRU]), tmp_path, prepared)


def test_no_read_is_stale_in_a_few_seconds_of_stress_of_three_fronts_that_share_a_cache(
    tmp_path: Path, prepared: Path
) -> None:
    stress([Variant(3, REDIS)], tmp_path, prepared)


def test_no_read_is_stale_in_a_few_seconds_of_stress_on_postgresql(tmp_path: Path) -> None:
    if program("postgres") is None:
        programs.require(f"{BINARIES}/postgres", PACKAGE)
    stress([Variant(2, LRU)], tmp_path, None)
