"""What the front passes on: an answer of a replica, or of the cache, for a client of the front."""

from dataclasses import dataclass, field
from http import HTTPStatus

from bookstore_project.api import headers, problems
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.request_id import current_request_id
from bookstore_project.nodes.json_documents import json_object
from frontend_app.cache.entries import CacheEntry
from frontend_app.cache.reads import Fetched, Outcome
from frontend_app.clients import UpstreamAnswer

PASSED_ON = ("Location", "Retry-After", headers.IDEMPOTENT_REPLAYED)
NO_POSITION = -1
"""Stands for an answer whose replica named no position: below every floor."""


@dataclass(frozen=True)
class Relay:
    """Ready to be sent."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


def from_answer(answer: UpstreamAnswer) -> Relay:
    """Of a replica, past the cache."""
    passed_on = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    position = NO_POSITION if answer.position is None else answer.position
    return Relay(
        answer.status,
        answer.body,
        answer.content_type,
        {**passed_on, **source_headers("bypass", answer.replica, position)},
    )


def from_error(error: problems.StoreError) -> Relay:
    """Of the front itself, for a page that shows what is wrong."""
    retry = {"Retry-After": str(problems.RETRY_AFTER_S)} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    document = problems.document(error.code, error.detail, current_request_id(), **error.extra)
    return Relay(error.status, canonical_json(document), problems.CONTENT_TYPE, retry)


def from_entry(outcome: Outcome, entry: CacheEntry) -> Relay:
    """Of the cache, or of a replica through it."""
    body = entry.body
    if entry.status >= 400:
        # A problem names the request that it answers, and this may not be the one it was made for.
        body = canonical_json({**json_object(body), "request_id": current_request_id()})
    return Relay(entry.status, body, entry.content_type, source_headers(outcome, entry.replica, entry.asof))


def source_headers(outcome: Outcome, replica: str, position: int) -> dict[str, str]:
    """Where an answer came from."""
    named = {headers.CACHE: outcome, headers.REPLICA: replica}
    if position > NO_POSITION:
        named[headers.LOG_POSITION] = str(position)
    return named


def fetched(answer: UpstreamAnswer) -> Fetched:
    """A replica's answer as a cache entry, if it is one that may be kept."""
    entry = CacheEntry(
        asof=NO_POSITION if answer.position is None else answer.position,
        timeline=answer.timeline,
        replica=answer.replica,
        body=answer.body,
        status=answer.status,
        content_type=answer.content_type,
    )
    is_empty = answer.status == 404 or json_object(answer.body).get("count") == 0
    return Fetched(entry, is_kept=answer.status in (200, 404), is_negative=is_empty)
