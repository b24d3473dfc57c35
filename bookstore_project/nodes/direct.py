"""Answers to what the store's own nodes ask all the time, even if nobody asks them anything: without Django.

A route goes this way if its answer needs no user, no negotiation and no page. It stays a route of Django's, too.
Whatever is unusual in a request is left to that: another caller, a browser, a question that makes no sense.
"""

import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings

from bookstore_project.api import headers, problems, same_origin
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import deadlines, metrics, redaction, unhandled_exceptions
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.gateway.threads import WSGIApplication
from bookstore_project.settings import topology

Answer = Callable[[bytes], Any]
"""Of a request's body: what JSON is made of. Raises StoreError; NotUnderstood if Django has to say what is wrong."""
Route = tuple[str, str]
"""Method and path."""

_TOKEN, _REQUEST_ID = (headers.environ_name(name) for name in (headers.SERVICE_TOKEN, headers.REQUEST_ID))
_OF_BROWSERS = tuple(headers.environ_name(name) for name in same_origin.TOLD_BY)


class NotUnderstood(Exception):
    """The question isn't one that nodes ask."""


class Direct:
    """Around a WSGI application: answers these routes itself, to nodes that ask as they do."""

    def __init__(self, application: WSGIApplication, answers: Mapping[Route, Answer]) -> None:
        self._application = application
        self._answers = answers

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._answers.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if answer is None or environ["QUERY_STRING"] or not is_from_node(environ):
            return self._application(environ, start_response)
        asked = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        request_id = accept_request_id(environ.get(_REQUEST_ID))
        try:
            with deadlines.until(None):
                status, content_type, body = HTTPStatus.OK, "application/json", canonical_json(answer(asked))
        except NotUnderstood:
            environ["wsgi.input"].seek(0)
            return self._application(environ, start_response)
        except Exception as caught:
            error = unhandled_exceptions.told_of(caught, environ["REQUEST_METHOD"], environ["PATH_INFO"])
            status, content_type = HTTPStatus(error.status), problems.CONTENT_TYPE
            body = canonical_json(problems.document(error.code, error.detail, request_id, **error.extra))
        note(environ, status, request_id, route=environ["PATH_INFO"], is_quiet=True)
        named = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            (headers.REPLICA, _own_name()),
            (headers.REQUEST_ID, request_id),
        ]
        start_response(f"{status.value} {status.phrase}", named)
        return [body]


def is_from_node(environ: Mapping[str, Any]) -> bool:
    """Whether it carries the service token, and nothing by which a browser would say where it comes from."""
    token = str(environ.get(_TOKEN, "")).encode()
    return hmac.compare_digest(token, settings.SERVICE_TOKEN.encode()) and environ.keys().isdisjoint(_OF_BROWSERS)


def note(environ: Mapping[str, Any], status: HTTPStatus, request_id: str, *, route: str, is_quiet: bool) -> None:
    """As the middleware of all other requests does. Of quiet ones failures alone are logged."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    took_s = time.perf_counter() - environ[metrics.BEGAN]
    metrics.requests.observe((metrics.pattern_of(route), method, metrics.class_of(status)), took_s)
    if not is_quiet or status >= HTTPStatus.BAD_REQUEST:
        log_request(method, redaction.address(path), status, _own_name(), took_s * 1000, "", request_id)


def _own_name() -> str:
    return topology.NODE.name if topology.NODE else ""
