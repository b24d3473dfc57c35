"""What became of each of several things that are done together: its value, or what it would have raised alone."""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import TypeAlias, TypeVar

T = TypeVar("T")
V = TypeVar("V")
Outcome: TypeAlias = T | Exception


def outcome_of(make: Callable[[], T]) -> Outcome[T]:
    try:
        return make()
    except Exception as error:
        return error


def result_of(outcome: Outcome[T]) -> T:
    """Raises it, if it is an error."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def then(outcomes: Sequence[Outcome[T]], proceed: Callable[[Sequence[T]], Sequence[Outcome[V]]]) -> list[Outcome[V]]:
    """The next step, with those that came so far, all at once; an error stays what it is.

    What the step itself raises befalls each of them.
    """
    remaining = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    made: Iterator[Outcome[V]] = iter(())
    if remaining:
        try:
            made = iter(proceed(remaining))
        except Exception as error:
            made = repeat(error)
    return [outcome if isinstance(outcome, Exception) else next(made) for outcome in outcomes]
