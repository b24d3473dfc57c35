"""A program's purchase, without Django between: what needs no login, no page, no form and no negotiation.

Whatever is out of the ordinary (a cookie, a login, a browser's headers, another format, a body that can't be read)
takes the usual way, through the views, which answer the same. (docs/adr/0043)
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import ParseError

from bookstore_project.api import etags, headers, privacy, problems
from bookstore_project.api.idempotency import checked_key
from bookstore_project.api.parsers import parse_json
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.representations import is_book_id
from bookstore_project.api.request_id import accept_request_id, current_request_id
from bookstore_project.nodes import metrics, redaction, unhandled_exceptions
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.gateway.messages import Incoming
from bookstore_project.nodes.gateway.threads import WSGIApplication
from frontend_app import responses, services
from frontend_app.gateway import response_headers
from frontend_app.middleware import NOBODY, Seen, note_answer
from frontend_app.monitoring.trace import tracing
from frontend_app.responses import Relay
from frontend_app.runtime import front

DIRECT = "bookstore.direct"
"""In a request's environ: the security headers of its answer, if it is one for `DirectPurchases`."""
ORDERS, PURCHASE = re.compile(r"/api/v1/orders/?"), re.compile(r"/purchase/([0-9]{1,19})/?")
ROUTES = {False: ("/api/v1/orders", "GET, POST, HEAD, OPTIONS"), True: ("/purchase/<int:book_id>", "POST, OPTIONS")}
"""Pattern and methods, by whether the address names the book."""
JSON = frozenset({"application/json", "application/json;charset=utf-8", "application/json; charset=utf-8"})
ANY = frozenset({"", "*/*", "application/json"})
UNUSUAL = frozenset(
    name.lower()
    for name in (
        *("Authorization", "Cookie", "Origin", "Referer", "Sec-Fetch-Site", "Content-Encoding"),
        *(headers.REQUEST_TIMEOUT, headers.SERVICE_TOKEN),
    )
)
_KEY = headers.environ_name(headers.IDEMPOTENCY_KEY)


def marks(request: Incoming, body: bytes) -> dict[str, Any]:
    """For the environ of a request: DIRECT, if it is for `DirectPurchases`. On the event loop."""
    path = request.path
    is_purchase = request.method == "POST" and (ORDERS.fullmatch(path) or PURCHASE.fullmatch(path))
    if not is_purchase or request.query or not UNUSUAL.isdisjoint(request.headers):
        return {}
    sent = request.headers.get("content-type", "").lower()
    is_json = sent in JSON or (not body and not sent)
    if not is_json or request.accept not in ANY or not response_headers.is_plain(request):
        return {}
    return {DIRECT: response_headers.security_headers(response_headers.is_secure(request))}


class DirectPurchases:
    """Around Django's WSGI application."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = _body_of(environ) if DIRECT in environ else None
        if body is None:
            return self.application(environ, start_response)
        accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        path = environ["PATH_INFO"]
        with tracing() as trace:
            relay, remark = _bought(body, environ.get(_KEY), path)
        took_s = time.perf_counter() - environ[metrics.BEGAN]
        pattern, methods = ROUTES[PURCHASE.fullmatch(path) is not None]
        own = {"Content-Type": relay.content_type, "Allow": methods}
        named = {**_of_all(relay.body, took_s), **relay.headers, **own}
        seen = Seen("POST", redaction.address(path, ""), pattern, relay.status, named)
        note_answer(seen, trace, took_s * 1000)
        metrics.requests.observe((seen.route, seen.method, metrics.class_of(seen.status)), took_s)
        replica = named[headers.REPLICA]
        log_request(seen.method, seen.address, seen.status, replica, took_s * 1000, remark, current_request_id())
        start_response(f"{relay.status} {HTTPStatus(relay.status).phrase}", [*named.items(), *environ[DIRECT]])
        return [relay.body]


def _bought(body: bytes, key: str | None, path: str) -> tuple[Relay, str]:
    """The answer, and what its log line ends with."""
    try:
        return services.purchase(front(), body, key=key), ""
    except Exception as caught:
        error = unhandled_exceptions.told_of(caught, "POST", path)
        order = error.extra.get("order")
        return responses.from_error(error), f" (order {order})" if order else ""


def _body_of(environ: Mapping[str, Any]) -> bytes | None:
    """As `request_bodies` makes it; None if a view is to say what is wrong."""
    raw: bytes = environ["wsgi.input"].getvalue()
    found = PURCHASE.fullmatch(environ["PATH_INFO"])
    try:
        checked_key(environ.get(_KEY))
        sent = parse_json(raw)
    except (ParseError, problems.Invalid):
        return None
    if found is None:
        return raw or b"{}"
    is_fit = isinstance(sent, dict) and "book" not in sent and is_book_id(found[1]) and int(found[1])
    return canonical_json({"book": int(found[1]), **sent}) if is_fit else None


def _of_all(body: bytes, took_s: float) -> dict[str, str]:
    """What every answer to a purchase has."""
    return {
        "Content-Length": str(len(body)),
        "ETag": etags.etag_of(body),
        "Cache-Control": privacy.CACHE_CONTROL,
        "Vary": ", ".join(("Accept", *privacy.VARY)),
        headers.CACHE: "bypass",
        headers.REPLICA: NOBODY,
        headers.REQUEST_ID: current_request_id(),
        headers.SERVER_TIMING: f"app;dur={took_s * 1000:.1f}",
    }
