"""Sittings add up, and none carries out what another one has."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.checker import Violation
from tests.simulation.ledger import Ledger, Sitting, commit_here
from tests.simulation.plan import Plan
from tests.simulation.processes import Process
from tests.simulation.report import Report
from tests.simulation.watching import Watcher

FIRST = Plan("5", 20, ("kill",))
REPLICA = cast("Process", SimpleNamespace(name="catalog-1"))


def run(plan: Plan, watchers: list[Watcher]) -> Report:
    for watcher in watchers:
        watcher.step(0, REPLICA, 1, "begun")
        watcher.step(0, REPLICA, 2, f"committed-{plan.seed}")
    broken = [Violation("a stale read")] if plan.seed == "6" else []
    return Report(plan, plan.seed, 9, [cast("Any", None)] * 20, Counter(kill=2), Counter(), broken)


def sit(path: Path, seeds: int, *, is_over: bool = False) -> list[str]:
    said: list[str] = []
    used = iter(range(100))
    Sitting(Ledger(path), run, said.append, lambda: float(next(used))).carry_out(FIRST, seeds, lambda: is_over)
    return said


def test_sittings_add_up_and_go_on_where_the_last_one_ended(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    assert sit(path, 2) == [
        "seed 5: 1 runs, 20 operations so far",
        "seed 6: 2 runs, 40 operations so far; broken: a stale read",
    ]
    assert sit(path, 1) == ["seed 7: 3 runs, 60 operations so far"]
    ledger = Ledger(path)
    assert (ledger.totals.runs, ledger.totals.operations, ledger.totals.violations) == (3, 60, 1)
    assert (ledger.totals.faults, ledger.processor_s) == (Counter(kill=6), 3.0)
    assert {what for _, what in ledger.met} == {f"catalog committed-{seed}" for seed in ("5", "6", "7")}
    assert ledger.lines()[-1].startswith("seed 6 (")


def test_a_sitting_whose_time_is_up_begins_no_run(tmp_path: Path) -> None:
    assert sit(tmp_path / "ledger", 2, is_over=True) == []
    assert Ledger(tmp_path / "ledger").lines()[0].startswith("0 runs, 0 operations")


def test_a_folder_that_is_no_repository_is_of_an_unknown_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert commit_here() == "unknown"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert commit_here() == "unknown"
