"""The fast path: answers that are in the cache, given on the event loop.

It answers only what Django would answer with the same status, headers and bytes, and leaves everything else to it: no
answer from here is no answer at all. A hit shall cost about as much as the web server itself, so what is the same for
many requests is worked out once, and the parts of an entry are sent as they lie in the cache.
"""

import json
import re
import time
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import get_resolver
from rest_framework.views import APIView

from bookstore_project.api import etags, headers, health
from bookstore_project.nodes import metrics
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing, RawHeaders, Scope, raw_headers
from bookstore_project.replication.conf import replication_settings
from frontend_app.cache.addresses import CacheableAddresses
from frontend_app.cache.entries import CacheEntry, Ready
from frontend_app.cache.memo import Memo
from frontend_app.cache.shared.cache import SharedCache
from frontend_app.gateway import response_headers
from frontend_app.gateway.lookup_batches import LookupBatcher
from frontend_app.gateway.request_headers import Header, HeaderSummary, RequestHeaders
from frontend_app.responses import NO_POSITION, source_headers
from frontend_app.runtime import Front

_HEALTH = re.compile(r"/healthz/?")
TARGETS_BYTES, LARGEST_TARGET_BYTES = 8 * 1024 * 1024, 1000
"""Of the addresses that are remembered, those of hits alone: of all, and of one.

Percent-encoded, a byte takes three at most: an address that is too long to be answered is longer than that.
"""

_READS = frozenset({"GET", "HEAD"})
_TIMING = headers.SERVER_TIMING.lower().encode()
_NO_BODY = {"type": "http.response.body", "body": b""}

Message = dict[str, Any]


class Target:
    """What a request asks of the cache, and the head of the answer that the last one like it got."""

    __slots__ = ("allow", "durations", "floor", "head", "is_secure", "key", "route", "source")

    def __init__(self, key: str, floor: str, allow: str, route: str) -> None:
        self.key = key
        self.floor = floor
        self.allow = allow
        """The methods that its route allows."""
        self.route = route
        """The pattern, as it stands in the metrics."""
        self.durations = metrics.requests.of_loop(route, "GET", "2xx")
        """Of a GET that is answered with 200: the usual hit."""
        self.source: RawHeaders | tuple[Header, ...] = ()
        """The source headers of the entry that the head was made for, by which it is known again.

        Not the entry: its body would be kept as long as the address is.
        """
        self.is_secure = False
        self.head: RawHeaders = []
        """All headers of an answer with that entry, but for those that each answer has of its own."""

    def prepare(self, found: Ready, is_secure: bool) -> None:
        """Makes the head of answers with this entry."""
        self.head = [*_fixed_headers(self.allow, is_secure), *found.source_headers, *found.body_headers]
        self.source, self.is_secure = found.source_headers, is_secure


class FastPath:
    """Answers reads from a cache in this process. For the event loop only: it has no lock."""

    def __init__(self, front: Front) -> None:
        self._reads = front.reads
        self._coherence = front.coherence
        self._cache = front.reads.cache
        self._headers = RequestHeaders()
        self._targets = Targets()

    def answer(self, scope: Scope, began: float) -> tuple[Message, Message] | None:
        """The two messages of a hit; None for whatever Django has to answer.

        `began` is when the request came, of `time.perf_counter`. It is all in one piece as each call would cost a
        hundredth of what the web server itself does.
        """
        target = self._targets.known.get((scope["path"], scope["query_string"]))
        head = self._headers.known.get(tuple(scope["headers"])) if target is not None else None
        if target is None or head is None or not head.is_usual or scope["method"] != "GET":
            return self._unusual(scope, began)
        found = self._coherence.find(self._cache, target.key, target.floor)
        if found is None:
            return None
        self._reads.found += 1
        if found.source_headers is not target.source or head.is_secure is not target.is_secure:
            target.prepare(found, head.is_secure)
        took_s = time.perf_counter() - began
        target.durations.add(took_s)
        hundredths = int(took_s * 100_000)
        timing = _TIMINGS[hundredths] if hundredths < len(_TIMINGS) else _timing_of(hundredths)
        raw = [*target.head, next(self._headers.new_ids), timing]
        return {"type": "http.response.start", "status": 200, "headers": raw}, found.message

    def _unusual(self, scope: Scope, began: float) -> tuple[Message, Message] | None:
        target = self._targets.of(scope)
        if target is None or scope["method"] not in _READS:
            return None
        head, request_id = self._headers.of(scope)
        if not head.is_quick:
            return None
        found = self._coherence.find(self._cache, target.key, target.floor)
        if found is None:
            return None
        self._reads.found += 1
        self._targets.keep(scope, target)
        return _messages(scope, target, head, request_id, found, began)


class SharedFastPath:
    """Answers reads from a cache in another process, while the loop goes on."""

    def __init__(self, front: Front, cache: SharedCache) -> None:
        self._lookups = LookupBatcher(front.reads, cache)
        self._headers = RequestHeaders()
        self._targets = Targets()

    async def answer(self, scope: Scope, began: float) -> tuple[Message, Message] | None:
        """As that of `FastPath`."""
        target = self._targets.of(scope)
        if target is None or scope["method"] not in _READS:
            return None
        head, request_id = self._headers.of(scope)
        if not head.is_quick:
            return None
        found = await self._lookups.find(target.key, target.floor)
        if found is None:
            return None
        self._targets.keep(scope, target)
        return _messages(scope, target, head, request_id, found, began)


def fast_path(front: Front) -> FastPath | SharedFastPath:
    cache = front.reads.cache
    return SharedFastPath(front, cache) if isinstance(cache, SharedCache) else FastPath(front)


def _messages(
    scope: Scope, target: Target, head: HeaderSummary, request_id: Header, found: Ready, began: float
) -> tuple[Message, Message]:
    """Of any request that may be answered with an entry, a HEAD or a conditional one among them."""
    if found.source_headers is not target.source or head.is_secure is not target.is_secure:
        target.prepare(found, head.is_secure)
    if head.if_none_match and etags.is_unchanged(head.if_none_match, found.etag):
        status, raw = 304, [*_fixed_headers(target.allow, head.is_secure), *found.source_headers]
    else:
        status, raw = 200, target.head
    took_s = time.perf_counter() - began
    metrics.requests.of_loop(target.route, scope["method"], metrics.class_of(status)).add(took_s)
    raw = [*raw, request_id, _timing(took_s)]
    start = {"type": "http.response.start", "status": status, "headers": raw}
    return start, found.message if status == 200 and scope["method"] == "GET" else _NO_BODY


def _timing(took_s: float) -> Header:
    hundredths = int(took_s * 100_000)
    return _TIMINGS[hundredths] if hundredths < len(_TIMINGS) else _timing_of(hundredths)


def _timing_of(hundredths_ms: int) -> Header:
    return _TIMING, b"cache;dur=%.2f" % (hundredths_ms / 100)


_TIMINGS = [_timing_of(hundredths) for hundredths in range(100)]
"""Of whatever takes less than a millisecond, ready to be sent."""


class Targets:
    """What addresses ask of the cache, remembered of those that were hits. For the event loop only."""

    def __init__(self) -> None:
        self._memo: Memo[tuple[str, bytes], Target] = Memo(TARGETS_BYTES, LARGEST_TARGET_BYTES)
        self.known = self._memo.known
        self._cacheable = CacheableAddresses(replication_settings.cached_resources)

    def of(self, scope: Scope) -> Target | None:
        """None for what can't be in the cache."""
        path, query = scope["path"], scope["query_string"]
        return self.known.get((path, query)) or self._target(path, query)

    def _target(self, path: str, query: bytes) -> Target | None:
        if len(path.encode("utf-8", "surrogatepass")) + len(query) > LARGEST_TARGET_BYTES:
            return None  # Nothing in the cache has so long an address: not worth a look.
        found = self._cacheable.find(path, query.decode("latin-1"))
        if found is None:
            return None
        return Target(found.key.entry, found.key.floor, allowed(found.route), metrics.pattern_of(found.route))

    def keep(self, scope: Scope, target: Target) -> None:
        """For the next time: it was a hit."""
        path, query = scope["path"], scope["query_string"]
        # A character may take four bytes in memory, and stands in the keys as well.
        self._memo.keep((path, query), target, 4 * len(path) + len(query))


@cache
def allowed(route: str) -> str:
    """The methods that the view of a front's route allows, in the order in which it says them."""
    pattern = next(each for each in get_resolver().url_patterns if str(each.pattern) == route)
    view: APIView = vars(pattern.callback)["cls"]()
    view.setup(HttpRequest())
    return ", ".join(view.allowed_methods)


@cache
def _fixed_headers(allow: str, is_secure: bool) -> RawHeaders:
    """Those that every hit of a route has."""
    named = [(headers.CACHE, "hit"), ("Vary", "Accept, Cookie"), ("Allow", allow)]
    return raw_headers([*named, *response_headers.security_headers(is_secure)])


def liveness(request: Incoming, request_id: str) -> Outgoing | None:
    """The answer to a health check, which shall wait for no thread; None for anything else."""
    if request.method not in ("GET", "HEAD") or request.has_body or not _HEALTH.fullmatch(request.path):
        return None
    if not response_headers.is_plain(request):
        return None
    body = json.dumps({"status": "ok", "node": health.node_name()}).encode()
    told = CacheEntry(NO_POSITION, "", "front", body)
    named = [
        *source_headers("bypass", told.replica, told.asof).items(),
        *response_headers.security_headers(response_headers.is_secure(request)),
        ("ETag", told.etag),
        (headers.REQUEST_ID, request_id),
        (headers.SERVER_TIMING, "app;dur=0.0"),
    ]
    if etags.is_unchanged(request.headers.get("if-none-match", ""), told.etag):
        return Outgoing(304, named)
    return Outgoing(200, [*named, ("Content-Type", told.content_type), ("Content-Length", str(len(body)))], body)
