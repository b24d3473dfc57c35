"""A defect leaves its traceback in the log, under the id of the request that met it, wherever it was met."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from django.core.signals import got_request_exception
from django.http import HttpRequest

from bookstore_project.api import headers, problem_pages, problems
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import metrics, redaction
from bookstore_project.nodes.access_log import log_request
from bookstore_project.settings import topology

logger = logging.getLogger("bookstore.defects")
DETAIL = "Something broke here; the log has it under the request id."

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def log(method: str | None, path: str, error: BaseException | None = None) -> None:
    """Writes the traceback of that error, or of the one being handled."""
    logger.error("%s %s broke", method, redaction.address(path), exc_info=error or sys.exc_info())


def told_of(error: Exception, method: str, path: str) -> problems.StoreError:
    """What a client is told of an error. Of a defect the log has the traceback."""
    told = error if isinstance(error, problems.StoreError) else problems.StoreError(DETAIL)
    if told.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log(method, path, error)
    return told


def watch() -> None:
    """Has all that Django answers with its 500 logged: also what an error handler itself, or a middleware, raised."""
    got_request_exception.connect(_met, dispatch_uid="bookstore.defects")


def _met(sender: object, request: HttpRequest | None = None, **_: Any) -> None:
    log(request.method if request else "", request.path if request else "")


class Guard:
    """Around a WSGI application: what it lets through becomes a problem document, and a traceback in the log.

    And is counted and logged as any other answer: what goes past Django has nobody else for that.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return self.application(environ, start_response)
        except Exception:
            request_id = accept_request_id(environ.get(headers.environ_name(headers.REQUEST_ID)))
            log(environ.get("REQUEST_METHOD"), str(environ.get("PATH_INFO", "")))
            content_type, body = _told(request_id, str(environ.get("HTTP_ACCEPT", "")))
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            named = [
                ("Content-Type", content_type),
                ("Content-Length", str(len(body))),
                (headers.REQUEST_ID, request_id),
            ]
            with suppress(Exception):  # What is broken may be the routes.
                _note(environ, status, request_id)
            start_response(f"{status.value} {status.phrase}", named, sys.exc_info())
            return [body]


def _note(environ: dict[str, Any], status: HTTPStatus, request_id: str) -> None:
    method, path, now = environ["REQUEST_METHOD"], environ["PATH_INFO"], time.perf_counter()
    took_s = now - environ.get(metrics.BEGAN, now)
    labels = metrics.pattern_of_path(path), metrics.method_of(method), metrics.class_of(status)
    metrics.requests.observe(labels, took_s)
    own_name = topology.NODE.name if topology.NODE else ""
    log_request(method, redaction.address(redaction.text_of(path)), status, own_name, took_s * 1000, "", request_id)


def _told(request_id: str, accept: str) -> tuple[str, bytes]:
    if problem_pages.is_wanted(accept):
        with suppress(Exception):  # What is broken may be the page itself.
            sentence = problem_pages.told("internal_error", DETAIL)
            return problem_pages.CONTENT_TYPE, problem_pages.page("internal_error", sentence, request_id).encode()
    return problems.CONTENT_TYPE, json.dumps(problems.document("internal_error", DETAIL, request_id)).encode()
