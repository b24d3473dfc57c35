"""What only the simulator can do to a store, and look at in it: between two turns."""

import ast
import random
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.history import Asked, Kind, Operation
from tests.chaos.history import Outcome as Answered
from tests.mutants.mutant import Edit
from tests.simulation import broken, customers, mutants_beyond, mutants_table
from tests.simulation.aiming import KILL
from tests.simulation.defects import Defects
from tests.simulation.file_faults import Hit
from tests.simulation.mutant_search import OF_COMMITS, Outcome, plans
from tests.simulation.mutants_table import PROTOCOLS, keep, known, line_of
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
    page.write_text(f"Text.\n\n| part |\n{mutants_table.HEAD}")
    monkeypatch.setattr(mutants_table, "PAGE", page)
    keep(line_of("writing", MUTANT, Outcome("not found", 450, 3)))
    keep(line_of("writing", MUTANT, Outcome("found", 90, 4, "SEED=4", "a | b")))
    keep(line_of("a", MUTANT, Outcome("not loaded")))
    told = f"| writing | {MUTANT.name} | found | 90 | 4 | SEED=4 | a / b |"
    assert page.read_text().splitlines()[4:] == [f"| a | {MUTANT.name} | not loaded | 0 | 0 |  |  |", told]
    assert known()["writing", MUTANT.name] == Outcome("found", 90, 4, "SEED=4", "a / b")
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
    monkeypatch.setattr(customers, "ask", lambda *_: (Answered(outcome), None, "outcome_unknown"))
    unclear = Operation("customer-1", Asked(Kind.SELL, 1, tag="tag", copies=1, key="key"), 0.0)
    clear = replace(unclear, asked=replace(unclear.asked, tag="other"), outcome=Answered.OK)
    client: Any = None
    assert len(customers.unresolved(client, [unclear, clear], random.Random(1), {given_up})) == found


@pytest.mark.parametrize(("status", "found"), [("500", ["a node answers 500"]), ("503", []), ("200", [])])
def test_an_answer_that_no_fault_excuses_is_found(status: str, found: list[str]) -> None:
    defects = Defects()
    defects.message(0, "order-1", "catalog-2", 7, "POST /internal/sales/", [1])
    defects.message(0, "catalog-2", "order-1", 7, status, [1])
    assert [one.what for one in defects.found] == found
    assert all("catalog-2, asked by order-1: POST /internal/sales/" in one.evidence for one in defects.found)


def test_a_traceback_in_a_log_is_found() -> None:
    defects = Defects()
    defects.log(0, "front", "catalog-2 is out of sync: its file was replaced")
    assert not defects.found
    defects.log(0, "front", "The round failed.\nTraceback (most recent call last):\nKeyError: 7")
    assert [one.what for one in defects.found] == ["a node meets an error that it doesn't know"]


def test_what_strikes_a_file_that_was_struck_already_excuses_no_less() -> None:
    damaged, locked = Hit("catalog-1", "a", True, True, 5), Hit("catalog-1", "a", False, False, 9)
    assert locked.after(None) == locked
    assert locked.after(damaged) == damaged
    assert locked.after(replace(damaged, nonce="b")) == locked, "it was rebuilt meanwhile"
    assert locked.after(replace(damaged, alias="catalog-2")) == locked


def broken_line(before: str, after: str) -> str:
    """The statement that follows the mark, where a text is replaced."""
    content = f"def work(items):\n    found = []\n    for item in items:\n        {before}\n    return found\n"
    edit = Edit("work.py", before, after)
    lines = ast.unparse(broken.marked(edit.applied(content), {broken.first_changed_line(edit, content)})).splitlines()
    (at,) = (number for number, line in enumerate(lines) if ".met()" in line)
    return lines[at + 1].strip()


@pytest.mark.parametrize(
    ("before", "after", "met"),
    [
        ("found.append(item)", "found.append(item + 1)", "found.append(item + 1)"),
        ("if item:\n            found.append(item)", "if not item:\n            found.append(item)", "if not item:"),
        ("item.close()\n        found.append(item)", "item.close()\n        pass", "pass"),
        ("continue\n        found.append(item)", "continue\n", "continue"),
    ],
)
def test_it_is_known_whether_anybody_has_come_to_what_a_mutant_breaks(before: str, after: str, met: str) -> None:
    assert broken_line(before, after) == met


def test_mutants_out_of_reach_are_mutants() -> None:
    named = mutants_beyond.BEYOND.keys() | mutants_beyond.KEPT_TWICE.keys()
    assert named <= {one.name for mutants in PROTOCOLS.values() for one in mutants}


def test_a_search_goes_on_where_it_ended_with_faults_that_the_broken_place_has_to_do_with() -> None:
    all_plans = list(plans(MUTANT, 1, 6))
    assert [plan.seed for plan in all_plans] == ["1", "2", "3", "4", "5", "6"]
    assert list(plans(MUTANT, 4, 6)) == all_plans[3:]
    assert all_plans[0].kinds == ()
    assert [plan.kinds for plan in all_plans[1:]] == list(OF_COMMITS[:5])
