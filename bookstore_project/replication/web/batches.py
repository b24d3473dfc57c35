"""What the services' answers to batches have in common: each says at which position it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.nodes.gateway.batches import problem_of
from bookstore_project.outcomes import Outcome
from bookstore_project.replication.interface import Committed
from bookstore_project.replication.web import positions

T = TypeVar("T")


def answers(
    service: str,
    path: str,
    parts: Sequence[Part],
    outcomes: Sequence[Outcome[Committed[T]]],
    answer: Callable[[T], Answer],
) -> list[Answer]:
    """What each is told: by `answer`, or of its error, which says where the service stands, as in the views."""
    told = []
    for part, outcome in zip(parts, outcomes, strict=True):
        if isinstance(outcome, Exception):
            refusal = problem_of(outcome, path, part)
            told.append(_at(positions.settled(service), refusal))
        else:
            told.append(_at(positions.at(outcome.position, outcome.timeline), answer(outcome.value)))
    return told


def _at(position: Mapping[str, str], answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, **position})
