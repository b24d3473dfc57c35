"""The ASGI application of a replica: reads bodies whole, then lets Django answer in a bounded pool of threads.

WSGI would do, if its servers told a body that broke off from one that is complete: a chunked body without its last
chunk looks whole to a WSGI application, and is executed. (docs/adr/0014)
"""

import time
from collections.abc import Callable

from django.conf import settings

from bookstore_project.api import headers, health
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import metrics, redaction, unhandled_exceptions
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.gateway import bodies
from bookstore_project.nodes.gateway.environ import build_environ
from bookstore_project.nodes.gateway.header_checks import check_headers
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing, Receive, Scope, Send, problem
from bookstore_project.nodes.gateway.rejections import REJECTIONS, is_from_node, rejection
from bookstore_project.nodes.gateway.threads import Threads, WSGIApplication


class ReplicaGateway:
    """Hands each request to a thread once all of it has come.

    A body that breaks off, or whose chunks can't be read, is answered with 400 and never executed. Half of one costs
    a coroutine, and no thread.
    """

    def __init__(
        self,
        application: WSGIApplication,
        threads: int,
        on_start: Callable[[], None],
        body_timeout_s: float = bodies.BODY_TIMEOUT_S,
    ) -> None:
        self._application = application
        self._threads = threads
        self._on_start = on_start
        self._body_timeout_s = body_timeout_s
        self._bodies = bodies.Budget(bodies.TOTAL_BYTES)
        self._pool: Threads | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(Incoming.of(scope), receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._pool is not None:
                    self._pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> Threads:
        """Threads and background belong to the process that serves, and begin with it."""
        if self._pool is None:
            self._pool = Threads(self._application, self._threads)
            self._on_start()
        return self._pool

    async def _answer(self, request: Incoming, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request_id = accept_request_id(request.headers.get(headers.REQUEST_ID.lower()))
        try:
            check_headers(request)
            with self._bodies.share() as share:
                take = bodies.boundless if is_from_node(request) else share
                # Django refuses what is larger than it may be, and for people on a page.
                body = await bodies.read_body(
                    request, receive, settings.UPLOAD_MAX_BYTES, self._body_timeout_s, take, is_cut=True
                )
                environ = build_environ(request, body, request_id) | {metrics.BEGAN: time.perf_counter()}
                pool = self._pool or self._start()
                answer = await pool.answer(environ)
        except REJECTIONS as error:
            answer = rejection(error, request_id, request.accept)
            _note(request, answer, request_id, time.perf_counter() - began)
        except Exception:
            unhandled_exceptions.log(request.method, request.path)
            answer = problem("internal_error", unhandled_exceptions.DETAIL, request_id, request.accept)
            _note(request, answer, request_id, time.perf_counter() - began)
        if is_from_node(request):
            answer.headers.append((headers.CLOCK, f"{time.time():.3f}"))
        await answer.send(send, request.method)


def _note(request: Incoming, answer: Outgoing, request_id: str, took_s: float) -> None:
    metrics.requests.observe(
        (metrics.OTHER, metrics.method_of(request.method), metrics.class_of(answer.status)), took_s
    )
    address = redaction.address(request.path, request.query)
    log_request(request.method, address, answer.status, health.node_name(), took_s * 1000, "", request_id)
