"""The model keeps its promises whatever comes first, and breaks one without any part of the protocol."""

from pathlib import Path

import pytest

from tests.model import protocol
from tests.model.explore import explore
from tests.model.parts import BROKEN, HALF_COMMITTED, start
from tests.model.protocol import Answer, Front, Left, State, broken_promise, steps


@pytest.mark.parametrize(
    "first",
    [
        State(left=Left(writes=1, crashes=1, losses=0)),
        State(left=Left(writes=1, crashes=0, losses=1)),
        State(left=Left(writes=2, crashes=0, losses=0)),
        State(logs=HALF_COMMITTED, left=Left(writes=1, crashes=0, losses=0)),
    ],
    ids=["a crash", "a lost file", "two writers", "what a dead writer left"],
)
def test_no_promise_is_broken_in_whatever_order(first: State) -> None:
    found = explore(first)
    assert (found.wrong, found.trace) == ("", [])
    assert found.states > 4000, "or hardly anything was tried"


@pytest.mark.parametrize("broken", BROKEN)
def test_without_a_part_of_the_protocol_a_promise_is_broken(broken: str) -> None:
    found = explore(start(broken), broken)
    assert found.wrong
    before = start(broken)
    for name, after in found.trace:
        assert (name, after) in list(steps(before, broken)), "a trace is made of steps"
        assert (broken_promise(after) == "") == (after != found.trace[-1][1]), "of which the last one breaks it"
        before = after


WRONG = {
    "a stale answer": State(settled=(1,), floor=1, seen=1, logs=((1,), (1,)), front=Front(True, Answer(0, 0))),
    "file 1 is in sync, and lacks what is settled": State(settled=(1,), floor=1, logs=((), (1,))),
    "files in sync differ": State(logs=((1,), (2,)), left=Left(1, 0, 0)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_seen(wrong: str) -> None:
    first = WRONG[wrong]
    assert broken_promise(first) == wrong or explore(first).wrong == wrong


def test_it_can_be_read_in_a_lecture() -> None:
    lines = Path(protocol.__file__).read_text().splitlines()
    assert len(lines) <= 300
    assert max(map(len, lines)) <= 120
