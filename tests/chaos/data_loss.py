"""What an operator's decision took from the catalog's history, against what was said before it was taken.

`promote` says how many settled entries are given up. Whatever was acknowledged before the decision and isn't in the
history that counts must be among them; it is left out of the rest of the reckoning. (What the order service loses
comes back: the sweeper writes the orders of all sales, and the cancellations of all returns, anew. So nothing of it
is left out.) A return that is given up comes back as well, later, unless its sale is given up with it.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from tests.chaos.checker import Step, Violation, is_made_by
from tests.chaos.history import NEVER, OUT_OF_STOCK, Kind, Operation, Outcome
from tests.chaos.log_recorder import RecordedEntry, steps_of
from tests.chaos.operator import Decision


@dataclass
class Judged:
    """What is still to be judged by the history that counts, and what was found already."""

    operations: list[Operation]
    orders_given_up: set[str] = field(default_factory=set)
    """Ids of orders whose sale may be gone."""
    unjudged: int = 0
    violations: list[Violation] = field(default_factory=list)


def settle_losses(
    operations: Sequence[Operation],
    decisions: Sequence[Decision],
    kept: list[RecordedEntry],
    given_up: list[RecordedEntry],
) -> Judged:
    """`kept` is the log that counts, `given_up` what of the rest was seen settled."""
    judged = Judged(list(operations))
    made = {(book, step.state.version): step for book, steps in steps_of(kept, -1).items() for step in steps}
    sold = {order for step in made.values() for order in step.orders}
    for decision in (one for one in decisions if one.service == "catalog"):
        known = _versions_at(kept, decision.offer.head)
        lost = [one for one in judged.operations if _is_lost(one, decision, known, made, sold)]
        reopened = _lost_returns(judged.operations, decision, kept)
        judged.violations += [*_unsaid([*lost, *reopened], decision), *_unlike(lost, given_up)]
        again = {id(one) for one in reopened}
        judged.operations = [_open(one) if id(one) in again else one for one in judged.operations]
        left_out = {id(one) for one in (*lost, *_refused_meanwhile(judged.operations, decision, lost))}
        judged.unjudged += len(left_out)
        judged.operations = [one for one in judged.operations if id(one) not in left_out]
        # An answer may be open, and its sale given up.
        before = (one for one in operations if one.asked.kind is Kind.SELL and one.invoked < decision.ended)
        judged.orders_given_up |= {one.asked.tag for one in before if one.asked.tag not in sold}
        # Of an order without a sale nothing comes back, whatever is answered.
        judged.operations = [one for one in judged.operations if one.asked.order not in judged.orders_given_up]
    return judged


def _lost_returns(operations: Sequence[Operation], decision: Decision, kept: list[RecordedEntry]) -> list[Operation]:
    """Acknowledged cancellations whose return isn't among what was kept; it is to be made again."""
    before = steps_of([entry for entry in kept if entry.position <= decision.offer.head], -1)
    known = {tag for steps in before.values() for step in steps for tag, _ in step.returns}
    return [
        one
        for one in operations
        if one.asked.kind is Kind.CANCEL
        and one.outcome is Outcome.OK
        and one.responded < decision.ended
        and one.asked.tag not in known
    ]


def _open(one: Operation) -> Operation:
    return replace(one, outcome=Outcome.OPEN, responded=NEVER)


def _unsaid(lost: Sequence[Operation], decision: Decision) -> Iterator[Violation]:
    """Each of them was one settled entry."""
    # A sale of several books is one entry, and one operation for each book.
    writes = {one.asked.tag or str(id(one)): str(one) for one in lost if one.is_write}
    if len(writes) > decision.offer.lost:
        yield Violation(f"{len(writes)} acknowledged writes are lost, by {decision}", tuple([*writes.values()][:5]))


def _unlike(lost: Sequence[Operation], given_up: list[RecordedEntry]) -> Iterator[Violation]:
    """Also what is given up was shown as it was."""
    steps = {(book, step.state.version): step for book, found in steps_of(given_up, -1).items() for step in found}
    for one in lost:
        step = steps.get((one.asked.book, _version(one)))
        if step is not None and not one.is_write and one.state != step.state:
            yield Violation("a read showed what the log that was given up doesn't", (str(one), str(step)))


def _versions_at(entries: list[RecordedEntry], position: int) -> dict[int, int]:
    """The newest version of each book up to that position."""
    steps = steps_of([entry for entry in entries if entry.position <= position], -1)
    return {book: found[-1].state.version for book, found in steps.items()}


def _is_lost(
    one: Operation, decision: Decision, known: Mapping[int, int], made: Mapping[tuple[int, int], Step], sold: Set[str]
) -> bool:
    """Whether it was answered by the history that was given up, beyond what is kept of it."""
    if one.outcome is not Outcome.OK or one.asked.kind in (Kind.LIST, Kind.CANCEL) or one.invoked > decision.ended:
        return False
    if one.asked.kind is Kind.SELL:
        return one.asked.tag not in sold and one.responded < decision.ended
    if _version(one) <= known.get(one.asked.book, 0):
        return False
    # The command says that it is done a while after the new history has begun.
    step = made.get((one.asked.book, _version(one)))
    is_of_the_new_one = step is not None and step.state == one.state and (not one.is_write or is_made_by(step, one))
    return not (is_of_the_new_one and one.responded > decision.began)


def _version(one: Operation) -> int:
    return one.state.version if one.state is not None else -1


def _refused_meanwhile(
    operations: Sequence[Operation], decision: Decision, lost: Sequence[Operation]
) -> list[Operation]:
    """Who was told that nothing is left, while what was given up was being sold."""
    began = min((one.invoked for one in lost), default=decision.ended)
    return [
        one
        for one in operations
        if one.note == OUT_OF_STOCK and one.responded >= began and one.invoked <= decision.ended
    ]
