"""A run can be told as what it consists of, and read step by step."""

import re
from pathlib import Path

import pytest

from tests.chaos.history import Asked, Kind
from tests.simulation.plan import Plan, Strike, Wish
from tests.simulation.replay import asked_for
from tests.simulation.warm import simulate

BASKET = Asked(Kind.SELL, 1, tag="id", copies=2, key="key", basket=((1, 2), (3, 1)))


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = Plan("7", 60, ("kill",), 0, "", (Wish(2, BASKET, 1, 0.25),), (Strike(90, "kill", "7/0"),), ((100, "8"),))
    plan.write(tmp_path / "7.json")
    assert Plan.read(tmp_path / "7.json") == plan
    drawn = Plan("7", 60)
    drawn.write(tmp_path / "drawn.json")
    assert Plan.read(tmp_path / "drawn.json") == drawn


def test_a_wish_is_told_in_words() -> None:
    assert asked_for(BASKET) == "buys 2 x book 1, 1 x book 3"
    assert asked_for(Asked(Kind.EDIT, 4, price="1.50")) == "edits book 4: 1.50"


@pytest.mark.processes
@pytest.mark.large
def test_a_run_that_is_spelled_out_is_the_same_run_and_can_be_read(tmp_path: Path) -> None:
    drawn = simulate("--operations", "30", "--faults", "kill,slow", "--every", "100", "--keep", str(tmp_path))
    (kept,) = tmp_path.glob("*.json")
    replayed = simulate("--replay", str(kept))
    assert drawn.stdout.splitlines()[-1].startswith("digest ")
    assert replayed.stdout.splitlines()[-1] == drawn.stdout.splitlines()[-1], drawn.stderr + replayed.stderr
    assert "-> front: POST /api/v1/orders/  (arrives after" in replayed.stdout
    assert "FAULT      a process is killed, wherever its actors are: " in replayed.stdout
    # At which of the protocol's steps another actor was chosen is the seed's affair.
    assert re.search(r"has come to `(begun|made|before-commit|committed\S*|invalidated|floor)`", replayed.stdout)
