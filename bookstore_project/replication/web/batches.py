"""What the services' answers to batches have in common: each says at which position it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from bookstore_project.api import headers
from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.nodes.gateway.batches import problem_of
from bookstore_project.outcomes import Outcome
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Committed
from bookstore_project.replication.service import get_service

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
            told.append(_at(_standing(service), refusal))
        else:
            told.append(_at(_position(outcome.position, outcome.timeline), answer(outcome.value)))
    return told


def _at(position: Mapping[str, str], answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, **position})


def _standing(service: str) -> Mapping[str, str]:
    with suppress(Unavailable):
        standing = engine.standing(get_service(service))
        return _position(standing.floor, standing.timeline)
    return {}


def _position(position: int, timeline: str) -> Mapping[str, str]:
    return {headers.LOG_POSITION: str(position), headers.TIMELINE: timeline}
