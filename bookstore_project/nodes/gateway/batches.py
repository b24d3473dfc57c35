"""Answers batches of other nodes: a WSGI application in front of Django's, which they don't go through.

A node's request needs no session, no page, no negotiation. What each of the store's requests has, these have, too:
the service token is checked, an id, a log line, a time, and an error is a problem document.
"""

import hmac
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.signals import request_finished, request_started
from rest_framework import exceptions

from bookstore_project.api import errors, headers, health, problems
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.request_id import accept_request_id, current_request_id
from bookstore_project.nodes import batches, deadlines, metrics, unhandled_exceptions
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.batches import Answer, Answering, Part
from bookstore_project.nodes.gateway.threads import WSGIApplication

_TOKEN = headers.environ_name(headers.SERVICE_TOKEN)


class Batches:
    """Around Django's WSGI application."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix(batches.PREFIX)
        if path == environ["PATH_INFO"] or environ["REQUEST_METHOD"] != "POST" or not _is_from_node(environ):
            return self.application(environ, start_response)
        answer = batches.answering(path)
        if answer is None:
            return self.application(environ, start_response)
        began = environ.get(metrics.BEGAN) or time.perf_counter()
        request_started.send(sender=type(self), environ=environ)
        try:
            status, content_type, body = copy_context().run(_answer_all, environ, path, answer, began)
        finally:
            request_finished.send(sender=type(self))
        named = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            (headers.REPLICA, health.node_name()),
        ]
        start_response(f"{status} {HTTPStatus(status).phrase}", named)
        return [body]


def _is_from_node(environ: Mapping[str, Any]) -> bool:
    sent = str(environ.get(_TOKEN, ""))
    return hmac.compare_digest(sent.encode("utf-8", "replace"), settings.SERVICE_TOKEN.encode())


def _answer_all(environ: Mapping[str, Any], path: str, answer: Answering, began: float) -> tuple[int, str, bytes]:
    accept_request_id(environ.get(headers.environ_name(headers.REQUEST_ID)))
    try:
        parts = [_part(*frame) for frame in batches.decode(environ["wsgi.input"].read(_length(environ)))]
    except (ValueError, LookupError, TypeError, AttributeError):
        document = problems.document("parse_error", "The batch can't be read.", current_request_id())
        return HTTPStatus.BAD_REQUEST, problems.CONTENT_TYPE, canonical_json(document)
    answers = _answers(path, answer, parts)
    for part, each in zip(parts, answers, strict=True):
        _note(path, part, each, time.perf_counter() - began)
    frames = (({"status": each.status, "headers": dict(each.headers)}, each.body) for each in answers)
    return HTTPStatus.OK, batches.CONTENT_TYPE, batches.encode(frames)


def _answers(path: str, answer: Answering, parts: Sequence[Part]) -> Sequence[Answer]:
    if not parts:
        return []
    accept_request_id(parts[0].headers.get(headers.REQUEST_ID))
    with deadlines.until(max(part.deadline for part in parts)):
        try:
            deadlines.assert_time_left()
            return answer(parts)
        except Exception as error:
            return [problem_of(error, path, part) for part in parts]


def problem_of(error: Exception, path: str, part: Part) -> Answer:
    """What one request of a batch is told of an error, under its own id."""
    accept_request_id(part.headers.get(headers.REQUEST_ID))
    extra: dict[str, str] = {"Content-Type": problems.CONTENT_TYPE}
    if isinstance(error, exceptions.APIException):
        document = errors.api_problem(error, error.status_code)
    else:
        told = unhandled_exceptions.told_of(error, "POST", path)
        document = errors.store_problem(told)
        if told.is_repeat:
            extra[headers.IDEMPOTENT_REPLAYED] = "true"
        if (wait_s := problems.wait_s(told)) is not None:
            extra["Retry-After"] = str(wait_s)
    order = document.get("order")
    return Answer(document["status"], canonical_json(document), extra, f" (order {order})" if order else "")


def _part(members: Mapping[str, Any], body: bytes) -> Part:
    sent = {str(name): str(value) for name, value in members["headers"].items()}
    deadline = float(sent[headers.DEADLINE])
    if math.isnan(deadline):  # Nothing comes after it.
        raise ValueError
    return Part(body, sent, deadline)


def _length(environ: Mapping[str, Any]) -> int:
    return int(environ.get("CONTENT_LENGTH") or 0)


def _note(path: str, part: Part, answer: Answer, took_s: float) -> None:
    metrics.requests.observe((metrics.pattern_of(path), "POST", metrics.class_of(answer.status)), took_s)
    if not answer.remark and answer.status < HTTPStatus.BAD_REQUEST and path.startswith("/internal/"):
        return
    request_id = part.headers.get(headers.REQUEST_ID, "-")
    log_request("POST", path, answer.status, health.node_name(), took_s * 1000, answer.remark, request_id)
