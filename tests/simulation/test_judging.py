"""What only the simulator can do to a store, and look at in it: between two turns."""

import random
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.history import Asked, Kind, Operation, Outcome
from tests.simulation import customers, mutants_table
from tests.simulation.faults import KILL
from tests.simulation.mutants_table import PROTOCOLS, keep, line_of
from tests.simulation.test_simulation import assert_found
from tests.simulation.warm import simulate

MUTANT = PROTOCOLS["writing"][0]


@pytest.mark.processes
@pytest.mark.large
def test_a_file_that_is_in_sync_and_lacks_what_is_settled_is_seen_at_once_and_no_run_of_the_model() -> None:
    found = assert_found("one file only is committed", "--operations", "40", "--mix", "ordering", "--faults", "none")
    assert "a file is in sync, and lacks what is settled" in found.stdout
    assert "comes to `committed`: the model can't make it" in found.stdout


@pytest.mark.processes
@pytest.mark.large
def test_an_aimed_kill_strikes_who_has_just_come_to_that_step_or_another_while_that_one_waits(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    run = simulate("--operations", "60", "--faults", "aim", "--every", "60", "--trace", str(trace))
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [line for line in trace.read_text().splitlines() if re.match(r"\d+ \S+ ", line)]
    how, point, struck = "", "", set()
    for before, line in pairwise(lines):
        _, what, *about = line.split()
        if what == "fault":
            how, _, point = line.partition("fault aim: ")[2].rpartition(" at ")
        elif what == "kill":
            _, node, *_, reached = before.split()
            assert reached == point
            assert (about == [node]) is (how == KILL)
            struck.add(how)
    assert struck


def test_a_line_of_the_table_takes_the_place_of_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("Text.\n\n| part |\n|---|---|---|---|---|---|\n")
    monkeypatch.setattr(mutants_table, "PAGE", page)
    keep(line_of("writing", MUTANT, {"outcome": "not found", "operations": 450}))
    keep(line_of("writing", MUTANT, {"outcome": "found", "operations": 90, "by": "seed 1", "what": "a | b"}))
    keep(line_of("a", MUTANT, {"outcome": "not loaded"}))
    told = f"| writing | {MUTANT.name} | found | 90 | seed 1 | a / b |"
    assert page.read_text().splitlines()[4:] == [f"| a | {MUTANT.name} | not loaded |  |  |  |", told]
    assert page.read_text().startswith("Text.\n\n| part |\n|---|")


@pytest.mark.parametrize(("ready_at_s", "is_ready"), [(0, True), (12, True), (61, False)])
def test_a_node_has_its_time_to_become_ready_and_no_more(
    monkeypatch: pytest.MonkeyPatch, ready_at_s: float, is_ready: bool
) -> None:
    passed_s = 0.0

    def wait(seconds: float) -> None:
        nonlocal passed_s
        passed_s += seconds

    def get(path: str) -> SimpleNamespace:
        return SimpleNamespace(status=200 if passed_s >= ready_at_s else 503)

    monkeypatch.setattr(customers, "time", SimpleNamespace(monotonic=lambda: passed_s, sleep=wait))
    node: Any = SimpleNamespace(get=get)
    assert customers.becomes_ready(node) is is_ready


@pytest.mark.parametrize(("outcome", "given_up", "found"), [("open", "", 1), ("open", "tag", 0), ("refused", "", 0)])
def test_a_purchase_whose_outcome_stays_unknown_is_found(
    monkeypatch: pytest.MonkeyPatch, outcome: str, given_up: str, found: int
) -> None:
    monkeypatch.setattr(customers, "ask", lambda *_: (Outcome(outcome), None, "outcome_unknown"))
    unclear = Operation("customer-1", Asked(Kind.SELL, 1, tag="tag", copies=1, key="key"), 0.0)
    clear = replace(unclear, asked=replace(unclear.asked, tag="other"), outcome=Outcome.OK)
    client: Any = None
    assert len(customers.unresolved(client, [unclear, clear], random.Random(1), {given_up})) == found
