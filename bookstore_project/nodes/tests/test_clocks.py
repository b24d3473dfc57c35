"""Deadlines between nodes whose clocks differ."""

import pytest

from bookstore_project.nodes.clocks import Clocks

NOW = 1_800_000_000.0


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.mark.parametrize("off_s", [3600, -3600, 10])
def test_a_moment_is_told_as_the_other_nodes_clock_shows_it(clocks: Clocks, off_s: int) -> None:
    clocks.hear("order-2", f"{NOW + off_s:.3f}", NOW - 0.1, NOW + 0.1)
    assert clocks.told("order-2", NOW + 5) == pytest.approx(NOW + 5 + off_s, abs=0.2)
    assert clocks.told("order-1", NOW + 5) == NOW + 5, "of whom nothing was heard"


@pytest.mark.parametrize("off_s", [3600, 5, -5, -3600])
def test_a_slow_answer_makes_no_deadline_later(clocks: Clocks, off_s: int) -> None:
    """Nodes say what time it is at the end of what they do: here after 10 s."""
    slow, quick = (f"{NOW + off_s:.3f}", NOW - 10, NOW), (f"{NOW + off_s:.3f}", NOW, NOW)
    clocks.hear("order-1", *quick)
    for node in ("order-1", "order-2"):
        clocks.hear(node, *slow)
    assert clocks.told("order-1", NOW) == NOW + off_s, "which was known before"
    if not -10 <= off_s <= 0:
        assert clocks.told("order-2", NOW) <= NOW + off_s


@pytest.mark.parametrize("off_s", [0, 0.9, -0.9])
def test_small_differences_count_for_nothing(clocks: Clocks, off_s: float) -> None:
    clocks.hear("order-2", f"{NOW + off_s:.3f}", NOW, NOW)
    assert clocks.told("order-2", NOW) == NOW


def test_an_answer_that_was_long_under_way_tells_no_more_than_it_can(clocks: Clocks) -> None:
    """Also if it is this clock that was set meanwhile, forth or back."""
    clocks.hear("order-2", f"{NOW + 20:.3f}", NOW, NOW + 30)
    clocks.hear("order-1", f"{NOW:.3f}", NOW, NOW + 3600)
    assert [clocks.told(node, NOW) for node in ("order-1", "order-2")] == [NOW, NOW]


def test_a_clock_that_was_set_right_is_right_again(clocks: Clocks) -> None:
    clocks.hear("order-2", f"{NOW + 3600:.3f}", NOW, NOW)
    clocks.hear("order-2", f"{NOW:.3f}", NOW, NOW)
    assert clocks.told("order-2", NOW) == NOW


@pytest.mark.parametrize("said", [None, "", "yesterday", "nan", "inf", "-inf", "1e999"])
def test_what_is_no_moment_tells_nothing(clocks: Clocks, said: str | None) -> None:
    clocks.hear("order-2", said, NOW, NOW)
    assert clocks.told("order-2", NOW) == NOW
