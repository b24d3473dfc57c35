"""The clocks of a simulated machine."""

from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest

from tests.simulation import actors, primitives
from tests.simulation.actor import Actor
from tests.simulation.primitives import EPOCH_NS, Reading, Sleep


@pytest.fixture(autouse=True)
def right_clock() -> Iterator[None]:
    yield
    primitives.set_wall_clock(0)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_wall_clock_that_is_set_leaves_the_other_one_alone(step_s: int) -> None:
    wall, other = Reading("time", 0, None), Reading("monotonic", EPOCH_NS, None)
    primitives.set_wall_clock(step_s * 10**9)
    assert wall() == EPOCH_NS + step_s * 10**9
    assert other() == 0


def test_whoever_looks_again_and_again_sleeps_longer_and_whoever_did_something_else_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    world = SimpleNamespace(current=Actor(0, "reader"), now_ns=0, sleep=slept.append)
    monkeypatch.setattr(actors, "world", world)
    for _ in range(20):
        Sleep()(0.0004)
    assert slept[0] == 0.0004
    assert all(before <= after for before, after in pairwise(slept))
    assert slept[-1] == 0.02
    world.now_ns += 10**9
    Sleep()(0.0004)
    Sleep()(1.0)
    assert slept[-2:] == [0.0004, 1.0]
