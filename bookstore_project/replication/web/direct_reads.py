"""What a front's miss asks a replica for, without Django (see `nodes.direct`): answered as the route answers it."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings

from bookstore_project.api import etags, headers, health, problems
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import deadlines, direct, unhandled_exceptions
from bookstore_project.nodes.gateway.threads import WSGIApplication
from bookstore_project.replication import reads
from bookstore_project.replication.web import positions

_DEADLINE, _REQUEST_ID = (headers.environ_name(name) for name in (headers.DEADLINE, headers.REQUEST_ID))
_OF_NODES = frozenset(
    {"HTTP_HOST", _DEADLINE, _REQUEST_ID, headers.environ_name(headers.SERVICE_TOKEN)}
    | ({settings.SECURE_PROXY_SSL_HEADER[0]} if settings.SECURE_PROXY_SSL_HEADER else set())
)
"""What `nodes.client` sends with a read. With anything else it may be a browser's, a cookie's or a condition's."""


@dataclass(frozen=True)
class Read:
    """Of one thing, by its address: what a view would do with it."""

    service: str
    address: re.Pattern[str]
    """Of a path; its only group is the value."""
    route: str
    """The same, as Django has it."""
    key: Callable[[str], str]
    """Of the answer in caches, by the value."""
    body: Callable[[str], bytes]
    """Within a gated read. Raises StoreError."""


class DirectReads:
    """Around a WSGI application: answers these reads itself, to nodes that ask as they do."""

    def __init__(self, application: WSGIApplication, read: Read) -> None:
        self._application = application
        self._read = read

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = self._read.address.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "GET" else None
        if found is None or environ["QUERY_STRING"] or not _is_usual(environ):
            return self._application(environ, start_response)
        request_id = accept_request_id(environ.get(_REQUEST_ID))
        status, named, body = self._answer(environ, found[1], request_id)
        direct.note(environ, status, request_id, route=self._read.route, is_quiet=False)
        own = {headers.REPLICA: health.node_name(), headers.REQUEST_ID: request_id}
        start_response(f"{status.value} {status.phrase}", [*named.items(), *own.items()])
        return [body]

    def _answer(
        self, environ: Mapping[str, Any], value: str, request_id: str
    ) -> tuple[HTTPStatus, Mapping[str, str], bytes]:
        position: Mapping[str, str] | None = None
        try:
            with deadlines.until(_deadline_of(environ)):
                deadlines.assert_time_left()
                with reads.reading(self._read.service, keys=[self._read.key(value)]) as snapshot:
                    position = positions.at(snapshot.position, snapshot.timeline)
                    body = self._read.body(value)
            status, own = HTTPStatus.OK, {"Content-Type": "application/json", "ETag": etags.etag_of(body)}
        except Exception as caught:
            error = unhandled_exceptions.told_of(caught, environ["REQUEST_METHOD"], environ["PATH_INFO"])
            status, own = HTTPStatus(error.status), {"Content-Type": problems.CONTENT_TYPE}
            if (wait_s := problems.wait_s(error)) is not None:
                own["Retry-After"] = str(wait_s)
            body = canonical_json(problems.document(error.code, error.detail, request_id, **error.extra))
        at = positions.settled(self._read.service) if position is None else position
        return status, {**own, "Content-Length": str(len(body)), **at}, body


def _is_usual(environ: Mapping[str, Any]) -> bool:
    """Whether it is a node's, with nothing in it that a view would have to look at."""
    sent = {name for name in environ if name.startswith("HTTP_")}
    return sent <= _OF_NODES and direct.is_from_node(environ) and math.isfinite(_deadline_of(environ) or 0.0)


def _deadline_of(environ: Mapping[str, Any]) -> float | None:
    """In epoch seconds; None if there is none, and not a finite number for nonsense."""
    sent = environ.get(_DEADLINE)
    if sent is None:
        return None
    with suppress(ValueError):
        return float(sent)
    return math.nan
