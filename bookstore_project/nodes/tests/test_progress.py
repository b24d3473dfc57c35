"""No silence is longer than it may be."""

import threading

import pytest

from bookstore_project.nodes.ticking import Ticker, about
from tests.clock import Clock


def test_it_speaks_after_a_silence_and_says_how_long_it_has_been_at_it() -> None:
    said: list[str] = []
    clock = Clock()
    ticker = Ticker(said.append, every_s=5, clock=clock)
    ticker.doing("reading files", lambda: "3 of 7")
    clock.now += 4
    assert (ticker.tick(), said) == (1, [])
    clock.now += 1
    assert ticker.tick() == 5
    clock.now += 6
    ticker.tick()
    assert said == ["reading files: 5 s, 3 of 7", "reading files: 11 s, 3 of 7"]


def test_what_others_say_is_as_good() -> None:
    said: list[str] = []
    clock = Clock()
    ticker = Ticker(said.append, every_s=5, clock=clock)
    for _ in range(3):
        clock.now += 4
        ticker.heard()
        ticker.tick()
    assert said == []


def test_a_part_that_follows_counts_from_its_own_beginning() -> None:
    said: list[str] = []
    clock = Clock()
    ticker = Ticker(said.append, every_s=5, clock=clock)
    ticker.doing("reading")
    clock.now += 60
    ticker.doing("writing")
    clock.now += 5
    ticker.tick()
    assert said == ["writing: 5 s"]


def test_it_goes_on_by_itself_until_its_block_ends() -> None:
    has_spoken = threading.Event()
    with Ticker(lambda line: has_spoken.set(), every_s=0.001) as ticker:
        assert has_spoken.wait(60)
    has_spoken.clear()
    assert not ticker._thread.is_alive()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "less than a second"), (45.4, "about 45 s"), (125, "about 2 min")]
)
def test_how_long_it_takes_is_said_in_words(seconds: float, words: str) -> None:
    assert about(seconds) == words
