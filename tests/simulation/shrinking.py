"""Makes a run that broke a promise as small as it gets: the fewest wishes of customers, and the fewest faults."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.chaos.checker import Violation
from tests.chaos.history import Kind
from tests.simulation.plan import Plan, Strike, Wish

Part = TypeVar("Part")
SEEDS = 3
"""That are tried for each choice of wishes and faults: with something left out, everybody runs at other moments."""


def smallest(parts: Sequence[Part], is_enough: Callable[[Sequence[Part]], bool]) -> list[Part]:
    """A part of `parts`, in their order, that is enough, and of which no single one can be left out.

    Delta debugging (Zeller and Hildebrandt 2002, "Simplifying and isolating failure-inducing input"), of which only
    complements are tried, without the last parts first: up to those, a run stays what it was. All of `parts` are
    taken to be enough.
    """
    left = list(parts)
    size = len(left)
    while size:
        end = len(left)
        while end > 0:
            rest = left[: max(0, end - size)] + left[end:]
            if is_enough(rest):
                left = rest
            end -= size
        size = size // 2 if size > 1 or not left else 0
    return left


def promises(violations: Iterable[Violation]) -> set[str]:
    """Which promises were broken, without the numbers of what they were broken for."""
    return {re.sub(r"\d+", "#", found.what) for found in violations}


def with_their_sales(wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """Without cancellations of orders that nobody asks for."""
    sold = {wish.asked.tag for wish in wishes if wish.asked.kind is Kind.SELL}
    return tuple(wish for wish in wishes if wish.asked.kind is not Kind.CANCEL or wish.asked.order in sold)


class Shrinking:
    """Of one plan, which is spelled out and breaks a promise."""

    def __init__(
        self, plan: Plan, breaks: Callable[[Plan], bool], most: int, tell: Callable[[str], object] = lambda line: None
    ) -> None:
        """`breaks`: carries out a run, and says whether it breaks the same promise; asked `most` times at most."""
        self.plan = plan
        self.runs = 0
        self._seeds = 1
        self._breaks, self._most, self._tell = breaks, most, tell

    def carry_out(self) -> Plan:
        """The smallest that was found."""
        for self._seeds in (1, SEEDS):  # The big pieces go with the seed that was found, mostly.
            self._is_enough(self.plan.wishes or (), ())
            smallest(self.plan.strikes or (), self._is_enough_of_strikes)
            smallest(self.plan.wishes or (), self._is_enough_of_wishes)
        for simpler in SIMPLER:
            self._is_enough([simpler(wish) for wish in self.plan.wishes or ()], self.plan.strikes or ())
        return self.plan

    def _is_enough_of_wishes(self, wishes: Sequence[Wish]) -> bool:
        return bool(wishes) and self._is_enough(wishes, self.plan.strikes or ())

    def _is_enough_of_strikes(self, strikes: Sequence[Strike]) -> bool:
        return self._is_enough(self.plan.wishes or (), strikes)

    def _is_enough(self, wishes: Sequence[Wish], strikes: Sequence[Strike]) -> bool:
        """With some order of turns; the plan is that one then."""
        smaller = self.plan.spelled_out(with_their_sales(wishes), strikes)
        if smaller == self.plan:
            return False
        original = self.plan.seed.partition("/")[0]
        seeds = dict.fromkeys([self.plan.seed, original, *(f"{original}/{number}" for number in range(2, SEEDS + 1))])
        for seed in list(seeds)[: self._seeds]:
            if self.runs >= self._most:
                return False
            self.runs += 1
            if self._breaks(replace(smaller, seed=seed)):
                self.plan = replace(smaller, seed=seed)
                self._tell(f"{len(smaller.wishes or ())} wishes and {len(strikes)} faults are enough")
                return True
        return False


def _at_once(wish: Wish) -> Wish:
    return replace(wish, pause_s=0.0)


def _alone(wish: Wish) -> Wish:
    return replace(wish, customer=1)


def _at_one_front(wish: Wish) -> Wish:
    return replace(wish, front=0)


def _of_one_book(wish: Wish) -> Wish:
    return replace(wish, asked=replace(wish.asked, basket=())) if wish.asked.kind is Kind.SELL else wish


SIMPLER: tuple[Callable[[Wish], Wish], ...] = (_alone, _at_once, _at_one_front, _of_one_book)
