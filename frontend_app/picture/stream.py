"""The answer that doesn't end: what happens, as server-sent events, to a browser that shows the picture."""

import asyncio
import re
import time
from contextlib import suppress
from typing import Final

from bookstore_project.api import headers, problems
from bookstore_project.nodes import metrics
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.gateway.messages import Incoming, Receive, Send, problem, raw_headers
from frontend_app.gateway import response_headers
from frontend_app.picture.audience import Audience, Full, Listener

PATH = re.compile(r"/cluster/feed/?")
ROUTE: Final = "/cluster/feed"
LONGEST_S = 600.0
"""Of one answer: the browser asks again, and others have a chance meanwhile."""
SEND_TIMEOUT_S = 10.0
"""Who takes nothing for so long isn't there, or doesn't read."""
RETRY_MS = 1000
LAST_EVENT_ID = "last-event-id"
LONGEST_ID = 80


def is_asked_for(request: Incoming) -> bool:
    """Anything out of the ordinary is Django's to refuse."""
    return (
        request.method == "GET"
        and PATH.fullmatch(request.path) is not None
        and not request.has_body
        and request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
        and response_headers.is_plain(request)
    )


async def serve(audience: Audience, request: Incoming, request_id: str, receive: Receive, send: Send) -> None:
    """Tells what happens until the client goes, or takes nothing, or LONGEST_S are over, or the front stops."""
    began = time.perf_counter()
    try:
        listener = await audience.join(request.headers.get(LAST_EVENT_ID, "")[:LONGEST_ID])
    except Full:
        text = "As many watch this front live as may. The page shows the same without it."
        answer = problem(problems.Unavailable.code, text, request_id, request.accept)
        _note(request, answer.status, began, "", request_id)
        await answer.send(send, request.method)
        return
    metrics.requests.of_loop(ROUTE, "GET", "2xx").add(time.perf_counter() - began)
    sent = 0
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _headers(request, request_id)})
        sent = await _tell(audience, listener, receive, send)
    finally:
        audience.leave(listener)
        _note(request, 200, began, f" ({sent} pieces, {listener.dropped} messages left out)", request_id)


async def _tell(audience: Audience, listener: Listener, receive: Receive, send: Send) -> int:
    gone = asyncio.ensure_future(_gone(receive))
    sent, until = 0, time.monotonic() + LONGEST_S
    try:
        with suppress(TimeoutError, ConnectionError):
            await _send(send, f"retry: {RETRY_MS}\n\n".encode())
            while not gone.done() and not audience.is_closed and (left_s := until - time.monotonic()) > 0:
                news = asyncio.ensure_future(listener.news.wait())
                await asyncio.wait([news, gone], timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if told := listener.take():
                    await _send(send, told)
                    sent += 1
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
    return sent


async def _send(send: Send, piece: bytes) -> None:
    """Raises TimeoutError if the client doesn't take it: the server waits for it to read."""
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(request: Incoming, request_id: str) -> list[tuple[bytes, bytes]]:
    named = [
        ("Content-Type", "text/event-stream; charset=utf-8"),
        ("Cache-Control", "no-store, no-transform"),  # Not to be compressed either: what compresses, collects.
        ("X-Accel-Buffering", "no"),  # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
        (headers.CACHE, "bypass"),
        (headers.REPLICA, "front"),
        (headers.REQUEST_ID, request_id),
        *response_headers.security_headers(response_headers.is_secure(request)),
    ]
    return raw_headers(named)


def _note(request: Incoming, status: int, began: float, remark: str, request_id: str) -> None:
    took_ms = (time.perf_counter() - began) * 1000
    log_request(request.method, ROUTE, status, "front", took_ms, remark, request_id)
