"""The clocks of a simulated machine."""

from collections.abc import Iterator

import pytest

from tests.simulation import primitives
from tests.simulation.primitives import EPOCH_NS, Reading


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
