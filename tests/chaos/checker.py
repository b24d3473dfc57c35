"""Whether one book's history is linearizable, given how the store's log says that the book has changed.

Each change gives a book the next version, so that every answer says by itself where in the order of changes it
stands. The write that made version v gets rank 2v, whoever has seen version v rank 2v + 1. The history is
linearizable (Herlihy and Wing, 1990) if and only if every step of the log is some operation's, what each answer
shows is what the log says of that version, and no operation that ended before another began has the higher rank: for
then ordering by rank, and by time among equals, is an order of all operations that the clock doesn't contradict.
That takes a sort and a sweep, where a search over unmarked values would be exponential.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from tests.chaos.history import OUT_OF_STOCK, Kind, Operation, Outcome, State


@dataclass(frozen=True)
class Step:
    """One version of a book, as the log has it, with the ledger rows of the same transaction."""

    state: State
    change: int = 0
    """Copies that the ledger explains."""
    orders: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    is_given: bool = False
    """It was there before the run: nobody needs to have asked for it."""
    returns: tuple[tuple[str, str], ...] = ()
    """Cancellations that brought copies back, each with its order."""


@dataclass(frozen=True)
class Violation:
    """A broken promise, with the operations that show it."""

    what: str
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((self.what, *(f"      {line}" for line in self.evidence)))


@dataclass(frozen=True)
class Ranked:
    """Where an operation may stand in the order of changes: one rank, or several, the lowest first."""

    ranks: Sequence[int]
    operation: Operation


def check_book(operations: Sequence[Operation], steps: Sequence[Step]) -> list[Violation]:
    """What is wrong with the operations of one book; `steps` are its versions, oldest first."""
    return [*_check_steps(steps), *_check_returns(steps), *_Book(operations, steps).violations()]


def _check_steps(steps: Sequence[Step]) -> Iterator[Violation]:
    for before, after in pairwise(steps):
        if after.state.version != before.state.version + 1:
            yield Violation("a book's versions don't count up", (f"{before}", f"{after}"))
        if after.state.quantity - before.state.quantity != after.change:
            yield Violation("stock and ledger disagree", (f"{before}", f"{after}"))
    for step in steps:
        if step.state.quantity < 0:
            yield Violation("stock is below zero: oversold", (f"{step}",))


def _check_returns(steps: Sequence[Step]) -> Iterator[Violation]:
    """Copies come back once per cancellation, after they were sold, and no more of them than were."""
    left: dict[str, int] = {}
    seen: dict[str, Step] = {}
    for step in steps:
        for order in step.orders:
            left[order] = left.get(order, 0) - min(step.change, 0)
        for cancellation, order in step.returns:
            if cancellation in seen:
                what = f"cancellation {cancellation} brought copies back twice"
                yield Violation(what, (f"{seen[cancellation]}", f"{step}"))
            seen[cancellation] = step
            left[order] = left.get(order, 0) - step.change
            if left[order] < 0:
                yield Violation(f"more copies of order {order} came back than were sold", (f"{step}",))


class _Book:
    def __init__(self, operations: Sequence[Operation], steps: Sequence[Step]) -> None:
        self._operations = operations
        self._steps: Mapping[int, Step] = {step.state.version: step for step in steps}
        self._owner: dict[int, Operation] = {}
        self._found: list[Violation] = []
        self._ranked: list[Ranked] = []

    def violations(self) -> list[Violation]:
        self._place_acknowledged_writes()
        self._place_open_writes()
        for version, operation in self._owner.items():
            self._ranked.append(Ranked((2 * version,), operation))
        self._place_reads()
        self._found.extend(out_of_order(self._ranked))
        self._check_refusals_of_stock()
        return self._found

    def _tell(self, what: str, *evidence: object) -> None:
        self._found.append(Violation(what, tuple(str(item) for item in evidence)))

    def _place_acknowledged_writes(self) -> None:
        sold: dict[str, list[int]] = defaultdict(list)
        for version, step in self._steps.items():
            for order in step.orders:
                sold[order].append(version)
        for order, versions in sold.items():
            if len(versions) > 1:
                self._tell(f"order {order} was sold {len(versions)} times", *(self._steps[v] for v in versions))
        for version, step in self._steps.items():
            for cancellation, _ in step.returns:
                sold[cancellation].append(version)
        for operation in self._operations:
            if operation.is_write and operation.outcome is Outcome.OK:
                self._place(operation, sold)

    def _place(self, operation: Operation, named: Mapping[str, list[int]]) -> None:
        """`named`: the versions that a sale or a cancellation made, by its id."""
        if operation.asked.kind in (Kind.SELL, Kind.CANCEL):
            versions = named.get(operation.asked.tag, [])
            version = versions[0] if versions else 0
        else:
            assert operation.state is not None
            version = operation.state.version
        step = self._steps.get(version)
        if step is None:
            self._tell("an acknowledged write is lost", operation)
        elif version in self._owner:
            self._tell("two acknowledged writes made the same version", operation, self._owner[version])
        elif not is_made_by(step, operation) or (operation.state is not None and operation.state != step.state):
            self._tell("an acknowledged write isn't what the log says", operation, step)
        else:
            self._owner[version] = operation

    def _place_open_writes(self) -> None:
        """Every step that no acknowledged write made is one whose answer is open, the one that was asked first."""
        writes = [operation for operation in self._operations if operation.is_write]
        unused = [operation for operation in writes if operation.outcome is Outcome.OPEN]
        for version, step in sorted(self._steps.items()):
            if version in self._owner or step.is_given:
                continue
            made_by = next((operation for operation in unused if is_made_by(step, operation)), None)
            if made_by is not None:
                unused.remove(made_by)
                self._owner[version] = made_by
                continue
            refused = [one for one in writes if one.outcome is Outcome.REFUSED and is_made_by(step, one)]
            self._tell("a refused write shows" if refused else "a change that nobody asked for", step, *refused[:3])

    def _place_reads(self) -> None:
        for operation in self._operations:
            if operation.is_write or operation.outcome is not Outcome.OK:
                continue
            assert operation.state is not None
            step = self._steps.get(operation.state.version)
            if step is None:
                self._tell("a read shows a version that never was", operation)
            elif step.state != operation.state:
                self._tell("a read shows what the log doesn't", operation, step)
            else:
                self._ranked.append(Ranked((2 * step.state.version + 1,), operation))

    def _check_refusals_of_stock(self) -> None:
        """Who was told that there aren't enough copies was told so of a moment at which there weren't."""
        ended = sorted((one.operation.responded, one.ranks[0] // 2) for one in self._ranked)
        seen = list(accumulate((version for _, version in ended), max, initial=min(self._steps, default=1)))
        begun = sorted((owner.invoked, version) for version, owner in self._owner.items())
        coming = list(
            accumulate((version for _, version in reversed(begun)), min, initial=max(self._steps, default=0) + 1)
        )
        for operation in self._operations:
            if operation.outcome is not Outcome.REFUSED or operation.note != OUT_OF_STOCK:
                continue
            oldest = seen[bisect_left(ended, (operation.invoked, 0))]
            newest = coming[len(begun) - bisect_left(begun, (operation.responded, 0))] - 1
            possible = [self._steps[v] for v in range(oldest, newest + 1) if v in self._steps]
            if possible and all(step.state.quantity >= operation.asked.copies for step in possible):
                self._tell("refused for want of stock, which there was", operation, possible[0], possible[-1])


def is_made_by(step: Step, operation: Operation) -> bool:
    """Whether that operation could have made this step."""
    asked = operation.asked
    if asked.kind is Kind.SELL:
        return step.orders == (asked.tag,) and step.change == -asked.copies
    if asked.kind is Kind.CANCEL:
        return step.returns == ((asked.tag, asked.order),) and step.change == asked.copies
    if step.orders or step.returns:
        return False
    if asked.kind is Kind.RESTOCK:
        return step.change == asked.copies and (asked.tag in step.actors or not asked.tag)
    is_quantity_right = step.change == 0 if asked.quantity is None else step.state.quantity == asked.quantity
    return step.state.price == asked.price and is_quantity_right


def out_of_order(ranked: Iterable[Ranked]) -> Iterator[Violation]:
    """Operations that ended before another began, and yet come after it in the order of changes.

    Who may stand in several places is put into the first one that isn't before what had ended already: a lower place
    leaves more room to all who come later, so that if this order contradicts the clock, every other does.
    """
    ranked = list(ranked)
    ends = sorted(ranked, key=lambda one: one.operation.responded)
    places: dict[int, int] = {}
    highest, highest_rank = None, -1
    done = 0
    for later in sorted(ranked, key=lambda one: one.operation.invoked):
        while done < len(ends) and ends[done].operation.responded < later.operation.invoked:
            if places[id(ends[done])] > highest_rank:
                highest, highest_rank = ends[done].operation, places[id(ends[done])]
            done += 1
        rank = next((rank for rank in later.ranks if rank >= highest_rank), later.ranks[-1])
        places[id(later)] = rank
        if highest is not None and highest_rank > rank:
            if later.operation.is_write:
                what = "a write took its place before what had been seen already"
            elif highest.is_write:
                what = "a stale read: an acknowledged write wasn't seen"
            else:
                what = "a stale read: another read had seen more before"
            yield Violation(what, (str(highest), str(later.operation)))
