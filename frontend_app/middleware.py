"""What every answer of a front has, whichever view, or none, made it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from bookstore_project.api import errors, etags, headers, problem_pages, problems
from bookstore_project.api.request_id import current_request_id
from bookstore_project.nodes import deadlines, metrics, redaction
from bookstore_project.nodes.access_log import QUIET_PREFIXES
from frontend_app import runtime
from frontend_app.monitoring.trace import Trace, tracing

UNNOTED_PREFIXES = (*QUIET_PREFIXES, "/api/v1/cluster", "/cluster")
"""Not among the recent requests: what asks for them."""
ARRIVED_AT = "bookstore.arrived_at"
"""In a request's environ: when it came to the gateway, in epoch seconds."""
NOBODY = "front"
"""X-Replica of an answer that no replica had a part in."""


class AnswerMiddleware:
    """Entity tags, 304, cache and source headers, and a note among the recent requests.

    To stand right inside RequestMiddleware, whose log line then tells what was sent. Not used on replicas.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not problem_pages.serves_front():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        with tracing() as trace:
            response = self.get_response(request)
        response = complete(request, response)
        if not request.path.startswith(UNNOTED_PREFIXES):
            note(request, response, trace, (time.perf_counter() - began) * 1000)
        return response


class DeadlineMiddleware:
    """Has nothing begun for which the client doesn't wait. Inside of what all answers go through. Not on replicas."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not problem_pages.serves_front():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            deadline = deadline_of(request)
        except problems.Invalid as error:
            return errors.refusal(request, error.code, error.detail, told=error.told, **error.extra)
        with deadlines.until(deadline):
            return self.get_response(request)


def deadline_of(request: HttpRequest) -> float | None:
    """When the client needs the answer, in epoch seconds; None if it didn't say. Raises Invalid for nonsense."""
    sent = request.headers.get(headers.REQUEST_TIMEOUT)
    if sent is None or request.path.startswith(QUIET_PREFIXES):
        return None
    arrived_at: float = request.META.get(ARRIVED_AT) or time.time()
    return arrived_at + deadlines.parse_timeout_s(sent) - deadlines.HOP_MARGIN_S


def complete(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with its headers; another one in its place where the client has it, or it says nothing."""
    response = errors.explained(request, response)
    response.headers.setdefault(headers.CACHE, "bypass")
    response.headers.setdefault(headers.REPLICA, NOBODY)
    if not response.streaming and response.content:
        response.headers.setdefault("ETag", etags.etag_of(response.content))
    if (
        request.method in ("GET", "HEAD")
        and response.status_code == HTTPStatus.OK
        and etags.is_unchanged(request.headers.get("If-None-Match", ""), response.headers.get("ETag", ""))
    ):
        _empty(response)
    return response


@dataclass(frozen=True)
class Seen:
    """A request that was answered, as it may be shown."""

    method: str
    address: str
    route: str
    """The pattern."""
    status: int
    headers: Mapping[str, str]


def note(request: HttpRequest, response: HttpResponse, trace: Trace, took_ms: float) -> None:
    address = redaction.address(request.path, request.META.get("QUERY_STRING", ""))
    route = metrics.pattern_of_request(request)
    note_answer(Seen(request.method or "", address, route, response.status_code, response.headers), trace, took_ms)


def note_answer(seen: Seen, trace: Trace, took_ms: float) -> None:
    journal = runtime.front().journal
    journal.stats.note(seen.status, seen.headers[headers.CACHE], took_ms, trace.steps)
    journal.request(
        seen.method,
        seen.address,
        seen.route,
        seen.status,
        seen.headers[headers.CACHE],
        seen.headers[headers.REPLICA],
        took_ms,
        current_request_id(),
        [step.shown() for step in trace.steps],
    )


def _empty(response: HttpResponse) -> None:
    response.status_code = HTTPStatus.NOT_MODIFIED
    response.content = b""
    for name in ("Content-Length", "Content-Type"):
        response.headers.pop(name, None)
