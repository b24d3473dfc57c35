"""What a run meets is noticed, and what is new is followed up from there on."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.simulation.coverage import Coverage, described
from tests.simulation.exploring import FOLLOWED, Exploration, Explorer
from tests.simulation.plan import Plan
from tests.simulation.processes import Process, Waiting
from tests.simulation.report import Report
from tests.simulation.test_simulation import NOT_OF_FILES
from tests.simulation.warm import simulate
from tests.simulation.watching import Watcher

FIRST = Plan("5", 20, ("kill",))


def node(name: str) -> Process:
    return cast("Process", SimpleNamespace(name=name))


def test_a_step_that_is_made_where_another_stands_is_a_pair_whichever_replica_it_is() -> None:
    one, other, front = node("catalog-1"), node("catalog-2"), node("front")
    coverage = Coverage()
    coverage.step(0, one, 3, "begun")
    coverage.turn(0, one, Waiting(3, "thread"), "flock")
    assert coverage.met == {}
    coverage.step(0, one, 4, "gate-snapshot")
    coverage.step(0, other, 4, "committed")
    coverage.note(0, "fault kill: catalog-2")
    coverage.note(0, "fault file-deleted on catalog-1")
    coverage.note(0, "kill catalog-2")
    coverage.turn(0, one, Waiting(3, "thread"), "end")
    coverage.turn(0, one, Waiting(4, "thread"), "end")
    coverage.step(0, front, 1, "poll-began")
    assert coverage.met == {
        ("same catalog begun", "catalog gate-snapshot"): 1,
        ("catalog begun", "catalog committed"): 1,
        ("catalog gate-snapshot", "catalog committed"): 1,
        ("catalog begun", "fault kill"): 1,
        ("catalog gate-snapshot", "fault kill"): 1,
        ("catalog committed", "fault kill"): 1,
        ("catalog begun", "fault file-deleted"): 1,
        ("catalog gate-snapshot", "fault file-deleted"): 1,
        ("catalog committed", "fault file-deleted"): 1,
    }
    assert described(coverage.met)[0].startswith("coverage: 3 pairs")
    assert described(coverage.met)[1].endswith("3 with file-deleted, 3 with kill")


def report_of(plan: Plan) -> Report:
    return Report(plan.spelled_out((), ()), digest=plan.seed)


def test_what_is_new_is_followed_from_its_turn_on_and_what_is_known_is_not() -> None:
    explorer = Explorer(FIRST)
    first = explorer.next()
    assert first == FIRST
    met = {("a", str(n)): 100 + n for n in range(10)}
    assert explorer.hear(report_of(first), met) == 10
    plans = [explorer.next() for _ in range(40)]
    followers = [plan for plan in plans if plan.forks]
    assert len(followers) == explorer.followed == FOLLOWED
    assert all(100 <= plan.forks[0][0] < 110 for plan in followers)
    assert all(strike.turn >= plan.forks[0][0] for plan in followers for strike in plan.strikes or ())
    assert [plan.seed for plan in plans if not plan.forks] == [str(6 + n) for n in range(36)]
    assert explorer.hear(report_of(plans[0]), met) == 0
    assert not explorer.next().forks


def test_seeds_in_order_follow_nothing() -> None:
    explorer = Explorer(FIRST, is_led=False)
    for number in range(5):
        plan = explorer.next()
        assert plan == replace(FIRST, seed=str(5 + number))
        explorer.hear(report_of(plan), {("a", str(number)): 1})
    assert len(explorer.met) == 5


def test_an_exploration_tells_how_far_it_is_and_ends_with_a_broken_promise() -> None:
    seconds = count()
    said: list[str] = []

    def run(plan: Plan, watchers: Sequence[Watcher]) -> Report:
        thread: Any = Waiting(1, "thread")
        for _ in range(3):
            for watcher in watchers:
                watcher.turn(0, node("front"), thread, "lock")
        report = report_of(plan)
        if plan.seed == "8":
            report.violations.append(cast("Any", "a broken promise"))
        return report

    exploration = Exploration(run, Explorer(FIRST, is_led=False), said.append, lambda: float(next(seconds)))
    found = exploration.carry_out(1000, 0)
    assert found is not None
    assert found.plan.seed == "8"
    assert exploration.totals.runs == 4
    assert said
    assert "runs, of which 0 followed others" in said[0]


@pytest.mark.processes
@pytest.mark.large
def test_an_exploration_follows_what_is_new_and_finds_every_promise_kept() -> None:
    explored = simulate("--runs", "3", "--operations", "16", "--faults", NOT_OF_FILES)
    assert explored.returncode == 0, explored.stdout + explored.stderr
    assert "3 runs, " in explored.stdout
    assert re.search(r"coverage: [1-9]\d* pairs", explored.stdout)
    assert "broken promises: none" in explored.stdout
