"""A search for a mutant tells a promise that was broken from a run that ended before it was judged."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.checker import Violation
from tests.mutants.reading import MUTANTS
from tests.simulation import broken, mutant_search
from tests.simulation.mutant_search import ENDED, FOUND, NOT_FOUND, Outcome, search
from tests.simulation.plan import Plan
from tests.simulation.processes import Stuck
from tests.simulation.report import Report

START = Outcome()
BY = "SEED=3 OPERATIONS=60 shopping FAULTS="


def searched(monkeypatch: pytest.MonkeyPatch, what_third_run_does: Any) -> Outcome:
    def run(plan: Plan) -> Report:
        report = Report(plan, operations=[cast("Any", None)] * 10)
        if plan.seed == "3":
            what_third_run_does(report)
        return report

    monkeypatch.setattr(mutant_search, "Runner", lambda folder, mutants: SimpleNamespace(run=run))
    monkeypatch.setattr(broken, "loaded", {"file"})
    monkeypatch.setattr(broken, "watch", lambda sign: None)
    return search(MUTANTS[0], START, 5, 1000.0, Path())


def test_a_broken_promise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = searched(monkeypatch, lambda report: report.violations.append(Violation("a stale read")))
    assert (outcome.outcome, outcome.operations, outcome.runs, outcome.what) == (FOUND, 30, 3, "a stale read")
    assert outcome.by.startswith(BY)


def test_a_run_that_ends_is_no_find(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(report: Report) -> None:
        raise Stuck("front has ended by itself")

    outcome = searched(monkeypatch, end)
    assert (outcome.outcome, outcome.runs, outcome.what) == (ENDED, 3, "Stuck('front has ended by itself')")
    assert outcome.by.startswith(BY)


def test_without_either_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert searched(monkeypatch, lambda report: None) == Outcome(NOT_FOUND, 50, 5)
