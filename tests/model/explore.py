"""Tries all orders of all steps of the model, nearest states first: what it finds is found by the fewest steps."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.model.protocol import State, broken_promise, steps

Trace = list[tuple[str, State]]


@dataclass(frozen=True)
class Explored:
    states: int
    transitions: int
    depth: int
    """Of the farthest state, in steps."""
    trace: Trace
    """From the beginning to a state in which a promise is broken; empty if there is none."""
    wrong: str


Tell = Callable[[int, int], None]
"""Told the states found so far, and how far they are from the beginning."""


def explore(first: State, broken: str = "", tell: Tell = lambda states, depth: None) -> Explored:
    """All states that can be reached from the first, or those up to the first one in which a promise is broken."""
    came: dict[State, tuple[State, str] | None] = {first: None}
    frontier, depth, transitions = [first], 0, 0
    while frontier:
        tell(len(came), depth)
        further = []
        for state in frontier:
            for name, after in steps(state, broken):
                transitions += 1
                if after in came:
                    continue
                came[after] = (state, name)
                if wrong := broken_promise(after):
                    return Explored(len(came), transitions, depth + 1, _trace(came, after), wrong)
                further.append(after)
        frontier, depth = further, depth + bool(further)
    return Explored(len(came), transitions, depth, [], "")


def _trace(came: dict[State, tuple[State, str] | None], last: State) -> Trace:
    trace, state = [], last
    while (before := came[state]) is not None:
        trace.append((before[1], state))
        state = before[0]
    return trace[::-1]
