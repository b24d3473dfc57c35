"""The quick way: answers that are in the cache, given on the event loop.

It answers only what the ordinary way would answer with the same status, headers and bytes, and leaves everything
else to it: no answer from here is no answer at all.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from bookstore_project.wire import etags, headers, health
from frontend_app.cache.entries import JSON, Entry
from frontend_app.cache.keys import Key, book_key, topic_key
from frontend_app.gateway import templates
from frontend_app.gateway.messages import Incoming, Outgoing, RawHeaders, raw_headers
from frontend_app.relays import NO_POSITION, source_headers
from frontend_app.runtime import Front

_BOOK = re.compile(r"/(api/v1/books|product|info)/([1-9][0-9]{0,17})/?")
_TITLES = re.compile(r"/search/([^/\n\ufffd]+)/?")
_HEALTH = re.compile(r"/healthz/?")
_READ_ONLY = "GET, HEAD, OPTIONS"
_EDITABLE = "GET, PATCH, DELETE, HEAD, OPTIONS"
JSON_ACCEPTED = frozenset(
    {"", "*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"}
)
"""Values of Accept for which the API speaks JSON, whatever else it may speak."""

READY_KEPT = 4096
"""Sets of headers that need not be made again for the next hit on the same entry."""


@dataclass(frozen=True)
class Wanted:
    """What a request asks of the cache."""

    key: Key
    allow: str
    """The methods that its route allows."""


def quick_answer(front: Front, request: Incoming, request_id: str) -> Outgoing | None:
    """The answer to a cached read or a health check; None for whatever has to go the ordinary way."""
    if request.method not in ("GET", "HEAD") or request.has_body or not _is_plain(request):
        return None
    if _HEALTH.fullmatch(request.path):
        return _alive(request, request_id)
    wanted = _wanted(request) if front.is_cache_local else None
    if wanted is None or not _speaks_json(request):
        return None
    entry = front.reads.find(wanted.key.entry, wanted.key.floor)
    return None if entry is None else _answer(entry, wanted.allow, request, request_id)


def _is_plain(request: Incoming) -> bool:
    if settings.SECURE_SSL_REDIRECT and not templates.is_secure(request):
        return False
    return templates.is_host_allowed(request)


def _speaks_json(request: Incoming) -> bool:
    sent = request.headers
    if "authorization" in sent or headers.SERVICE_TOKEN.lower() in sent:
        return False  # Wrong credentials are refused, also where none are needed.
    # A session may have to be refreshed or taken back.
    return sent.get("accept", "") in JSON_ACCEPTED and settings.SESSION_COOKIE_NAME not in sent.get("cookie", "")


def _wanted(request: Incoming) -> Wanted | None:
    if found := _BOOK.fullmatch(request.path):
        allow = _EDITABLE if found[1] == "api/v1/books" else _READ_ONLY
        return None if request.query else Wanted(book_key(int(found[2])), allow)
    if found := _TITLES.fullmatch(request.path):
        key = topic_key(found[1], request.query)
        return Wanted(key, _READ_ONLY) if key and found[1] not in (".", "..") else None
    return None


def _answer(entry: Entry, allow: str, request: Incoming, request_id: str) -> Outgoing:
    is_known = etags.is_unchanged(request.headers.get("if-none-match", ""), entry.etag)
    ready = _ready_headers(entry, allow, templates.is_secure(request), not is_known)
    named = [(headers.REQUEST_ID, request_id)]
    return Outgoing(304, named, b"", ready) if is_known else Outgoing(200, named, entry.body, ready)


@lru_cache(READY_KEPT)
def _ready_headers(entry: Entry, allow: str, is_secure: bool, has_body: bool) -> RawHeaders:
    named = [
        *source_headers("hit", entry.replica, entry.asof).items(),
        ("Vary", "Accept, Cookie"),
        ("Allow", allow),
        *templates.security_headers(is_secure),
        ("ETag", entry.etag),
    ]
    if has_body:
        named += [("Content-Type", entry.content_type), ("Content-Length", str(len(entry.body)))]
    return raw_headers(named)


def _alive(request: Incoming, request_id: str) -> Outgoing:
    body = json.dumps({"status": "ok", "node": health.node_name()}).encode()
    alive = Entry(NO_POSITION, "", "front", body)
    named = [
        *source_headers("bypass", alive.replica, alive.asof).items(),
        *templates.security_headers(templates.is_secure(request)),
        ("ETag", alive.etag),
        (headers.REQUEST_ID, request_id),
    ]
    if etags.is_unchanged(request.headers.get("if-none-match", ""), alive.etag):
        return Outgoing(304, named)
    return Outgoing(200, [*named, ("Content-Type", JSON), ("Content-Length", str(len(body)))], body)
