"""What broke a promise is shrunk to what is needed for it, drawn and kept."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.chaos.checker import Violation
from tests.chaos.history import Asked, Kind
from tests.simulation import finds
from tests.simulation.plan import Plan, Strike, Wish
from tests.simulation.shrinking import Shrinking, promises, smallest
from tests.simulation.warm import simulate

IGNORED = "a push is confirmed and ignored"


@pytest.mark.parametrize("needed", [set(), {0}, {99}, {3, 4}, {0, 41, 77}, set(range(0, 100, 9))])
def test_the_smallest_part_that_is_enough_is_what_is_needed(needed: set[int]) -> None:
    asked: list[Sequence[int]] = []

    def is_enough(parts: Sequence[int]) -> bool:
        asked.append(parts)
        return needed <= set(parts)

    assert smallest(range(100), is_enough) == sorted(needed)
    assert len(asked) <= 200


def wish(number: int, asked: Asked) -> Wish:
    return Wish(number % 3 + 1, asked, 1, 0.5)


SOLD = Asked(Kind.SELL, 1, tag="order", copies=2, key="key", basket=((1, 2), (2, 1)))
BACK = Asked(Kind.CANCEL, 1, tag="back", copies=2, key="other", order="order")
READ = Asked(Kind.READ, 1)
PLAN = Plan(
    "7",
    wishes=tuple(wish(n, SOLD if n == 20 else BACK if n == 21 else READ) for n in range(40)),
    strikes=tuple(Strike(100 * n, "kill" if n % 2 else "cut", f"7/{n}") for n in range(8)),
)


def test_a_plan_is_shrunk_to_the_wishes_and_faults_that_break_the_promise() -> None:
    def breaks(plan: Plan) -> bool:
        kinds = [one.asked.kind for one in plan.wishes or ()]
        faults = [one.kind for one in plan.strikes or ()]
        return Kind.CANCEL in kinds and kinds.count(Kind.READ) >= 2 and "cut" in faults and plan.seed == "7/2"

    shrinking = Shrinking(PLAN, breaks, most=500)
    plan = shrinking.carry_out()
    # Whose order is cancelled is bought: without it, the refusal would be right.
    assert sorted(one.asked.kind for one in plan.wishes or ()) == [Kind.CANCEL, Kind.READ, Kind.READ, Kind.SELL]
    assert [one.kind for one in plan.strikes or ()] == ["cut"]
    assert plan.seed == "7/2"
    assert {(one.customer, one.pause_s, one.front, one.asked.basket) for one in plan.wishes or ()} == {(1, 0, 0, ())}


def test_shrinking_ends_when_it_has_had_its_runs() -> None:
    shrinking = Shrinking(PLAN, lambda plan: False, most=10)
    assert shrinking.carry_out() == PLAN
    assert shrinking.runs == 10


def test_a_promise_is_the_same_whatever_it_was_broken_for() -> None:
    assert promises([Violation("book 1: a stale read"), Violation("book 7: a stale read", ("evidence",))]) == {
        "book #: a stale read"
    }


@pytest.mark.processes
@pytest.mark.large
def test_a_run_that_broke_a_promise_is_shrunk_drawn_and_kept(tmp_path: Path) -> None:
    options = ("--operations", "30", "--faults", "none", "--shrink", "12", "--keep", str(tmp_path))
    found = simulate(*options, "--broken", IGNORED)
    assert found.returncode == 1, found.stderr
    kept = tmp_path / "a-push-is-confirmed-and-ignored.json"
    find = finds.read(kept)
    assert "stale read" in find.promise
    assert find.broken == IGNORED
    asked = re.search(r"seed 1: (\d+) operations", found.stdout)
    assert asked is not None
    assert len(find.plan.wishes or ()) < int(asked[1])
    assert "FAULT" not in found.stdout
    for shown in (kept.with_suffix(".svg").read_text(), found.stdout):
        assert "raises the floor: visible" in shown
        assert "reads book" in shown
        assert "/internal/status/" not in shown
    ElementTree.fromstring(kept.with_suffix(".svg").read_text())
