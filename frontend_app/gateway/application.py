"""The front's ASGI application."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from rest_framework.exceptions import ParseError

from bookstore_project.api import etags, headers, internal_paths, problems, same_origin
from bookstore_project.api.parsers import parse_json
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import metrics, unhandled_exceptions
from bookstore_project.nodes.gateway import bodies
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.header_checks import check_headers
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing, Receive, Scope, Send, problem
from bookstore_project.nodes.gateway.rejections import REJECTIONS, is_from_node, rejection
from bookstore_project.nodes.gateway.threads import WSGIApplication
from bookstore_project.settings import topology
from frontend_app.cache import pushes
from frontend_app.gateway import direct_purchases, direct_reads
from frontend_app.gateway.access_log import AccessLog
from frontend_app.gateway.fast_path import FastPath, SharedFastPath, fast_path, liveness
from frontend_app.gateway.wsgi_pool import BulkheadFull, WSGIPool
from frontend_app.picture import stream
from frontend_app.picture.audience import Audience
from frontend_app.runtime import Front


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers: at once, in a thread, or without end; and what writes the lines of what no thread has seen."""

    fast_path: FastPath | SharedFastPath
    wsgi_pool: WSGIPool
    access_log: AccessLog
    audience: Audience


class Gateway:
    """Answers hits, pushes and health checks on the event loop, and hands everything else to threads.

    A client that sends its body slowly, or half of it, costs a coroutine and at most 1 MiB, and delays nobody.
    """

    def __init__(
        self,
        application: WSGIApplication,
        front: Callable[[], Front],
        threads: int,
        on_start: Callable[[], None],
        body_timeout_s: float = bodies.BODY_TIMEOUT_S,
    ) -> None:
        self._application = application
        self._front = front
        self._threads = threads
        self._on_start = on_start
        self._body_timeout_s = body_timeout_s
        self._bodies = bodies.Budget(bodies.TOTAL_BYTES)
        self._parts: Parts | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            began = time.perf_counter()
            parts = self._parts or self.start()
            answer = parts.fast_path.answer(scope, began)
            hit = answer if answer is None or isinstance(answer, tuple) else await answer
            if hit is None:
                request = Incoming.of(scope)
                if stream.is_asked_for(request):
                    await self._tell(parts, request, receive, send)
                else:
                    await self._answer(parts, request, began, receive, send)
                return
            start, body = hit
            await send(start)
            await send(body)
            parts.access_log.hit(scope, start, began)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def start(self) -> "Parts":
        """The parts that belong to the serving process and its loop, made when it begins to serve."""
        if self._parts is None:
            front = self._front()
            wsgi_pool = WSGIPool(self._application, self._threads)
            self._parts = Parts(fast_path(front), wsgi_pool, AccessLog(front.journal), Audience(front))
            self._on_start()
        return self._parts

    def end_streams(self) -> None:
        """The front stops: answers without end would keep it waiting. From any thread, and from signal handlers."""
        if self._parts is not None:
            self._parts.audience.close()

    async def _tell(self, parts: "Parts", request: Incoming, receive: Receive, send: Send) -> None:
        try:
            request_id = accept_request_id(request.headers.get(headers.REQUEST_ID.lower()))
            await stream.serve(parts.audience, request, request_id, receive, send)
        except Exception:  # It has begun: nothing else can be answered any more.
            unhandled_exceptions.log(request.method, request.path)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._parts is not None:
                    self._parts.audience.close()
                    self._parts.wsgi_pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, parts: "Parts", request: Incoming, began: float, receive: Receive, send: Send) -> None:
        request_id = accept_request_id(request.headers.get(headers.REQUEST_ID.lower()))
        try:
            check_headers(request)
            answer = liveness(request, request_id)
            if answer is None:
                answer = await self._answer_whole(parts, request, request_id, receive)
            else:
                _measure("/healthz", request, answer, began)
        except (*REJECTIONS, BulkheadFull) as error:
            answer = _rejection(error, request_id, request.accept)
            _measure(metrics.OTHER, request, answer, began)
            parts.access_log.rejected(request.scope, answer, began)
        except Exception:
            unhandled_exceptions.log(request.method, request.path)
            answer = problem("internal_error", unhandled_exceptions.DETAIL, request_id, request.accept)
            _measure(metrics.OTHER, request, answer, began)
            parts.access_log.rejected(request.scope, answer, began)
        await answer.send(send, request.method)

    async def _answer_whole(self, parts: "Parts", request: Incoming, request_id: str, receive: Receive) -> Outgoing:
        """Once its body has come. Raises one of REJECTIONS, BulkheadFull."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        with self._bodies.share() as share:
            take = bodies.boundless if is_from_node(request) else share
            body = await bodies.read_body(request, receive, limit, self._body_timeout_s, take)
            # From here on: how fast a client sends says nothing about the store.
            complete = time.perf_counter()
            answer = self._pushed(parts.access_log, request, body, request_id)
            if answer is not None:
                return answer
            marks = direct_purchases.marks(request, body) | direct_reads.marks(request)
            environ = build_environ(request, body, request_id) | {metrics.BEGAN: complete} | marks
            return await parts.wsgi_pool.answer(environ)

    def _pushed(self, access_log: AccessLog, request: Incoming, body: bytes, request_id: str) -> Outgoing | None:
        """The answer to a catalog replica's push; None for all else: a forged push, or a page's, too."""
        if (
            request.method != "POST"
            or request.path.rstrip("/") != internal_paths.PUSH.rstrip("/")
            or not is_from_node(request)
            or any(name in request.headers for name in same_origin.TOLD_BY)
        ):
            return None
        began = time.perf_counter()
        try:
            message = parse_json(body, most_values=None)
            taken = pushes.take(self._front().coherence, message, request.headers.get(headers.FRONT_INSTANCE.lower()))
        except (problems.Invalid, ParseError):
            return None  # Django says what is wrong with it.
        if taken is not None:
            self._front().journal.feed.pushed(message.get("invalidate", ()), _sender(message), request_id)
        said = canonical_json(taken or {})
        named = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(said))),
            ("ETag", etags.etag_of(said)),
            (headers.CACHE, "bypass"),
            (headers.REPLICA, "front"),
            (headers.REQUEST_ID, request_id),
        ]
        answer = Outgoing(HTTPStatus.CONFLICT if taken is None else HTTPStatus.OK, named, said)
        _measure(metrics.pattern_of(internal_paths.PUSH), request, answer, began)
        access_log.pushed(request.scope, answer, pushes.effects(message, request_id), began)
        return answer


def _measure(route: str, request: Incoming, answer: Outgoing, began: float) -> None:
    """Notes an answer of the event loop's own."""
    labels = route, metrics.method_of(request.method), metrics.class_of(answer.status)
    metrics.requests.of_loop(*labels).add(time.perf_counter() - began)


def _sender(push: Mapping[str, Any]) -> str:
    """The node that says that it is the sender."""
    name = push.get("replica")
    return name if isinstance(name, str) and name in topology.NODES else ""


def _rejection(error: Exception, request_id: str, accept: str) -> Outgoing:
    if isinstance(error, BulkheadFull):
        return problem("unavailable", "All threads are busy. Nothing was done.", request_id, accept)
    return rejection(error, request_id, accept)
