"""The checker of histories: what it must find, and what it must let pass."""

from collections.abc import Iterable

import pytest

from tests.chaos.checker import Step, check_book
from tests.chaos.history import NEVER, OUT_OF_STOCK, SHORT, Asked, Kind, Operation, Outcome, State, by_book

GIVEN = Step(State(1, 3, "10.00"), is_given=True)
SOLD_ONE = Step(State(2, 2, "10.00"), -1, orders=("A",))
SOLD_TWO = Step(State(3, 1, "10.00"), -1, orders=("B",))
REPRICED = Step(State(2, 3, "11.00"))
RESTOCKED = Step(State(2, 8, "10.00"), 5, actors=("staff",))


BACK = Step(State(3, 3, "10.00"), 1, returns=(("C", "A"),))
"""What order A has bought comes back."""
BACK_AGAIN = Step(State(4, 4, "10.00"), 1, returns=(("C", "A"),))
BACK_TWICE = Step(State(4, 4, "10.00"), 1, returns=(("D", "A"),))


def read(state: State, begin: float, end: float) -> Operation:
    return Operation("reader", Asked(Kind.READ, 1), begin, end, Outcome.OK, state)


def sale(order: str, begin: float, end: float = NEVER, *, copies: int = 1, refused: str = "") -> Operation:
    outcome = Outcome.REFUSED if refused else Outcome.OPEN if end == NEVER else Outcome.OK
    return Operation("buyer", Asked(Kind.SELL, 1, order, copies), begin, end, outcome, note=refused)


def cancellation(tag: str, begin: float, end: float = NEVER, *, copies: int = 1, refused: str = "") -> Operation:
    outcome = Outcome.REFUSED if refused else Outcome.OPEN if end == NEVER else Outcome.OK
    return Operation("clerk", Asked(Kind.CANCEL, 1, tag, copies, order="A"), begin, end, outcome, note=refused)


def edit(step: Step, begin: float, end: float = NEVER, *, outcome: Outcome = Outcome.OK) -> Operation:
    outcome = Outcome.OPEN if end == NEVER else outcome
    state = step.state if outcome is Outcome.OK else None
    return Operation("clerk", Asked(Kind.EDIT, 1, price=step.state.price), begin, end, outcome, state)


def restock(begin: float, end: float = NEVER, *, copies: int = 5, state: State | None = None) -> Operation:
    outcome = Outcome.OK if state else Outcome.OPEN
    return Operation("clerk", Asked(Kind.RESTOCK, 1, copies=copies), begin, end, outcome, state)


def told(operations: Iterable[Operation], steps: Iterable[Step]) -> list[str]:
    return [violation.what for violation in check_book(list(operations), list(steps))]


BAD = {
    "an acknowledged write is lost (a return)": ([sale("A", 0, 1), cancellation("C", 2, 3)], [GIVEN, SOLD_ONE]),
    "brought copies back twice": (
        [sale("A", 0, 1), cancellation("C", 2, 3)],
        [GIVEN, SOLD_ONE, BACK, BACK_AGAIN],
    ),
    "more copies of order A came back than were sold": (
        [sale("A", 0, 1), cancellation("C", 2, 3), cancellation("D", 4, 5)],
        [GIVEN, SOLD_ONE, BACK, BACK_TWICE],
    ),
    "more copies of order A came back than were sold (which it never was)": (
        [cancellation("C", 2, 3)],
        [GIVEN, Step(State(2, 4, "10.00"), 1, returns=(("C", "A"),))],
    ),
    "a refused write shows (a cancellation)": (
        [sale("A", 0, 1), cancellation("C", 2, 3, refused="conflict")],
        [GIVEN, SOLD_ONE, BACK],
    ),
    "nobody asked for (a return)": ([sale("A", 0, 1)], [GIVEN, SOLD_ONE, BACK]),
    "nobody asked for (a return of more copies than asked)": (
        [sale("A", 0, 1), cancellation("C", 2, copies=2)],
        [GIVEN, SOLD_ONE, BACK],
    ),
    "stale read: an acknowledged write wasn't seen (a return)": (
        [sale("A", 0, 1), cancellation("C", 2, 3), read(SOLD_ONE.state, 4, 5)],
        [GIVEN, SOLD_ONE, BACK],
    ),
    "want of stock, which there was (after copies came back)": (
        [
            sale("A", 0, 1, copies=3),
            cancellation("C", 2, 3, copies=3),
            sale("B", 4, 5, copies=3, refused=OUT_OF_STOCK),
        ],
        [
            GIVEN,
            Step(State(2, 0, "10.00"), -3, orders=("A",)),
            Step(State(3, 3, "10.00"), 3, returns=(("C", "A"),)),
        ],
    ),
    "stale read: an acknowledged write wasn't seen": (
        [sale("A", 0, 1), read(GIVEN.state, 2, 3)],
        [GIVEN, SOLD_ONE],
    ),
    "stale read: another read had seen more before": (
        [sale("A", 0, 9), read(SOLD_ONE.state, 1, 2), read(GIVEN.state, 3, 4)],
        [GIVEN, SOLD_ONE],
    ),
    "an acknowledged write is lost": ([sale("A", 0, 1)], [GIVEN]),
    "an acknowledged write is lost (an edit)": ([edit(REPRICED, 0, 1)], [GIVEN]),
    "was sold 2 times": (
        [sale("A", 0, 1)],
        [GIVEN, SOLD_ONE, Step(State(3, 1, "10.00"), -1, orders=("A",))],
    ),
    "oversold": ([sale("A", 0, 1, copies=4)], [GIVEN, Step(State(2, -1, "10.00"), -4, orders=("A",))]),
    "a refused write shows": ([sale("A", 0, 1, refused="unavailable")], [GIVEN, SOLD_ONE]),
    "a refused write shows (an edit)": ([edit(REPRICED, 0, 1, outcome=Outcome.REFUSED)], [GIVEN, REPRICED]),
    "nobody asked for (more copies than asked)": ([restock(0, copies=4)], [GIVEN, RESTOCKED]),
    "stock and ledger disagree": ([edit(REPRICED, 0, 1)], [GIVEN, Step(State(2, 9, "11.00"))]),
    "versions don't count up": ([], [GIVEN, Step(State(3, 3, "10.00"), is_given=True)]),
    "shows what the log doesn't": ([read(State(1, 4, "10.00"), 0, 1)], [GIVEN]),
    "a version that never was": ([read(State(2, 2, "10.00"), 0, 1)], [GIVEN]),
    "isn't what the log says": ([sale("A", 0, 1, copies=2)], [GIVEN, SOLD_ONE]),
    "made the same version": ([edit(REPRICED, 0, 1), edit(REPRICED, 2, 3)], [GIVEN, REPRICED]),
    "took its place before what had been seen already": (
        [read(SOLD_ONE.state, 0, 1), sale("A", 2, 3)],
        [GIVEN, SOLD_ONE],
    ),
    "took its place before what had been seen already (an open one)": (
        [read(SOLD_ONE.state, 0, 1), sale("A", 2)],
        [GIVEN, SOLD_ONE],
    ),
    "want of stock, which there was (before it was sold)": (
        [sale("A", 0, 1, copies=3, refused=OUT_OF_STOCK), sale("B", 2, 3, copies=3)],
        [GIVEN, Step(State(2, 0, "10.00"), -3, orders=("B",))],
    ),
    "want of stock, which there was (after it was restocked)": (
        [
            sale("B", 0, 1, copies=3),
            restock(2, 3, state=State(3, 5, "10.00")),
            sale("A", 4, 5, copies=3, refused=OUT_OF_STOCK),
        ],
        [GIVEN, Step(State(2, 0, "10.00"), -3, orders=("B",)), Step(State(3, 5, "10.00"), 5)],
    ),
    "want of stock, which there was": ([sale("A", 0, 1, copies=3, refused=OUT_OF_STOCK)], [GIVEN]),
}

GOOD = {
    "copies that come back, and are seen": (
        [sale("A", 0, 1), cancellation("C", 2, 9), read(SOLD_ONE.state, 3, 4), read(BACK.state, 5, 6)],
        [GIVEN, SOLD_ONE, BACK],
    ),
    "an open cancellation whose copies come back late": (
        [sale("A", 0, 1), cancellation("C", 2), read(SOLD_ONE.state, 7, 8), read(BACK.state, 9, 10)],
        [GIVEN, SOLD_ONE, BACK],
    ),
    "a second cancellation that is refused": (
        [sale("A", 0, 1), cancellation("C", 2, 3), cancellation("D", 4, 5, refused="conflict")],
        [GIVEN, SOLD_ONE, BACK],
    ),
    "a read beside a write sees either": (
        [sale("A", 0, 9), read(GIVEN.state, 1, 2), read(SOLD_ONE.state, 3, 4)],
        [GIVEN, SOLD_ONE],
    ),
    "an open write that happened late": (
        [sale("A", 0), read(GIVEN.state, 5, 6), sale("B", 7, 9), read(SOLD_TWO.state, 10, 11)],
        [GIVEN, SOLD_ONE, SOLD_TWO],
    ),
    "an open write that never happened": ([sale("A", 0), restock(0), read(GIVEN.state, 5, 6)], [GIVEN]),
    "of two open restocks one": ([restock(0), restock(1), read(RESTOCKED.state, 5, 6)], [GIVEN, RESTOCKED]),
    "a refused write that doesn't show": ([sale("A", 0, 1, refused="unavailable")], [GIVEN]),
    "a refusal for want of stock, while another bought": (
        [sale("A", 0, 9), sale("B", 1, 2, copies=3, refused=OUT_OF_STOCK)],
        [GIVEN, SOLD_ONE],
    ),
    "an acknowledged edit, seen by whoever reads after it": (
        [edit(REPRICED, 0, 1), read(REPRICED.state, 2, 3)],
        [GIVEN, REPRICED],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_history_is_found(name: str) -> None:
    operations, steps = BAD[name]
    assert any(name.partition(" (")[0] in what for what in told(operations, steps)), told(operations, steps)


@pytest.mark.parametrize("name", GOOD)
def test_a_right_history_passes(name: str) -> None:
    operations, steps = GOOD[name]
    assert told(operations, steps) == []


def test_a_basket_is_judged_book_by_book_and_each_line_by_what_was_said_of_it() -> None:
    lines = ((1, 2), (2, 9), (3, 1))
    asked = Asked(Kind.SELL, 1, "A", 2, key="k", basket=lines)
    refused = Operation("buyer", asked, 0, 1, Outcome.REFUSED, note=f"{SHORT} 2 12")
    found = list(by_book(refused))
    assert [(one.asked.book, one.asked.copies) for one in found] == list(lines)
    assert [one.note == OUT_OF_STOCK for one in found] == [False, True, False]
    assert all(one.asked.basket == lines for one in found)
    assert told(found[:1], [GIVEN, SOLD_ONE]) == ["a change that nobody asked for"]
    assert told(by_book(Operation("buyer", asked, 0, 1, Outcome.OK)), [GIVEN])[0] == "an acknowledged write is lost"
