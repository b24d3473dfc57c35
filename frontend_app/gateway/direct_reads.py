"""A program's read of a book that the event loop found no answer to, without Django between: most misses.

Whatever is out of the ordinary (a login, a condition, a deadline, another format) takes the usual way, through the
views, which answer the same: as with purchases (docs/adr/0043).
"""

import re
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from bookstore_project.api import etags, headers
from bookstore_project.api.cached_resources import BOOK
from bookstore_project.api.request_id import accept_request_id, current_request_id
from bookstore_project.nodes import metrics, redaction, unhandled_exceptions
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.gateway.messages import Incoming
from bookstore_project.nodes.gateway.threads import WSGIApplication
from frontend_app import responses, services
from frontend_app.gateway import response_headers
from frontend_app.gateway.fast_path import allowed
from frontend_app.gateway.request_headers import look_at
from frontend_app.middleware import NOBODY, Seen, note_answer
from frontend_app.monitoring.trace import tracing
from frontend_app.responses import Relay
from frontend_app.runtime import front

DIRECT = "bookstore.direct_read"
"""In a request's environ, if it is one for `DirectBooks`: the route, the book, and whether it came over https."""
_NUMBER = "([1-9][0-9]{0,17})"
ADDRESSES = {route: re.compile(f"/{re.sub('<[^>]*>', _NUMBER, route).rstrip('/')}/?") for route in BOOK.routes}
_TIMEOUT = headers.REQUEST_TIMEOUT.lower()


def marks(request: Incoming) -> dict[str, Any]:
    """For the environ of a request: DIRECT, if it is for `DirectBooks`. On the event loop."""
    if request.method != "GET" or request.query or _TIMEOUT in request.headers:
        return {}
    for route, address in ADDRESSES.items():
        if found := address.fullmatch(request.path):
            summary = look_at(request)
            return {DIRECT: (route, found[1], summary.is_secure)} if summary.is_usual else {}
    return {}


class DirectBooks:
    """Around Django's WSGI application."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if DIRECT not in environ:
            return self.application(environ, start_response)
        route, value, is_secure = environ[DIRECT]
        accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        with tracing() as trace:
            relay = _read(environ["PATH_INFO"], value)
        took_s = time.perf_counter() - environ[metrics.BEGAN]
        named = {**_of_all(relay.body, route, took_s), **relay.headers, "Content-Type": relay.content_type}
        address = redaction.address(redaction.text_of(environ["PATH_INFO"]))
        seen = Seen("GET", address, metrics.pattern_of(route), relay.status, named)
        note_answer(seen, trace, took_s * 1000)
        metrics.requests.observe((seen.route, seen.method, metrics.class_of(seen.status)), took_s)
        source = "cache" if named[headers.CACHE] == "hit" else named[headers.REPLICA]
        log_request(seen.method, address, seen.status, source, took_s * 1000, "", current_request_id())
        sent = [*named.items(), *response_headers.security_headers(is_secure)]
        start_response(f"{relay.status} {HTTPStatus(relay.status).phrase}", sent)
        return [relay.body]


def _read(path: str, value: str) -> Relay:
    try:
        return services.read(front(), BOOK, value)
    except Exception as error:
        return responses.from_error(unhandled_exceptions.told_of(error, "GET", path))


def _of_all(body: bytes, route: str, took_s: float) -> dict[str, str]:
    """What every answer to a read of a book has."""
    return {
        "Content-Length": str(len(body)),
        "ETag": etags.etag_of(body),
        "Vary": "Accept, Cookie",
        "Allow": allowed(route),
        headers.CACHE: "bypass",
        headers.REPLICA: NOBODY,
        headers.REQUEST_ID: current_request_id(),
        headers.SERVER_TIMING: f"app;dur={took_s * 1000:.1f}",
    }
