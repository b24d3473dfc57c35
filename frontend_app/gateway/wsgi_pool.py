"""Django's WSGI handler in a bounded pool of threads."""

import re
import time
from functools import partial
from typing import Any

from bookstore_project.api import headers
from bookstore_project.api.authentication import is_hashing
from bookstore_project.nodes import deadlines
from bookstore_project.nodes.gateway.messages import Outgoing
from bookstore_project.nodes.gateway.threads import Threads, WSGIApplication
from bookstore_project.settings import topology
from frontend_app.gateway.admission import Bulkhead, BulkheadFull
from frontend_app.middleware import ARRIVED_AT

__all__ = ["BulkheadFull", "WSGIPool"]

PURCHASES_AT_ONCE = 32
"""They wait in threads: those that wait together go to an order replica together (`nodes.balancing.combining`)."""
CHANGES_AT_ONCE = 2
"""By staff, of books and orders. Apart from the purchases: what stalls one of them holds up its own kind alone."""
PASSWORDS_AT_ONCE = 8
"""Logins: `api.passwords` hashes two of them at a time, lets few wait, and tells the others so at once."""
SEARCHES_AT_ONCE = 4
"""Lists of books as somebody asks for them, which no cache has. A search takes a replica a tenth of a second of its
processor: with many at once both replicas would keep everybody waiting, as if they hung."""
UPKEEP_AT_ONCE = 2
SLOT_WAIT_S = 8.0
NEEDED = 2.0
"""Times the usual that a request needs who is in a hurry: a first attempt has but a part of it."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_UPKEEP = re.compile(r"/(readyz|metrics|internal)(/|$)")
"""What the store and its keepers ask: it doesn't stand in line with customers."""
_SEARCH = re.compile(r"/(api/v1/books/?)?")
_LOGIN = re.compile(r"/login(/|$)")
_PURCHASE = re.compile(r"/(api/v1/orders/?|purchase/[^/]*/?|buy/?)")
_TIMEOUT = headers.environ_name(headers.REQUEST_TIMEOUT)


class WSGIPool:
    """Runs a WSGI application in threads. Requests wait for one on the event loop, where waiting costs none."""

    def __init__(self, application: WSGIApplication, threads: int, slot_wait_s: float = SLOT_WAIT_S) -> None:
        purchases, changes = min(PURCHASES_AT_ONCE, threads), min(CHANGES_AT_ONCE, threads)
        self._purchases = Bulkhead("purchases", purchases)
        self._changes = Bulkhead("changes", changes)
        self._passwords = Bulkhead("passwords", PASSWORDS_AT_ONCE)
        self._searches = Bulkhead("searches", SEARCHES_AT_ONCE)
        self._upkeep = Bulkhead("upkeep", UPKEEP_AT_ONCE)
        self._reads = Bulkhead("reads", max(1, threads - topology.PURCHASE_CALLS_OF_A_FRONT))
        at_once = threads + purchases + changes + PASSWORDS_AT_ONCE + SEARCHES_AT_ONCE + UPKEEP_AT_ONCE
        self._threads = Threads(application, at_once)
        self._slot_wait_s = slot_wait_s

    async def answer(self, environ: dict[str, Any]) -> Outgoing:
        """Raises BulkheadFull. Once begun, the work is finished, whether the client waits for it or not."""
        environ[ARRIVED_AT] = time.time()
        bulkhead = self._bulkhead_of(environ)
        # To begin what can't be finished in time would take a thread from those for whom there is time.
        await bulkhead.enter(min(self._slot_wait_s, max(0.0, _patience_s(environ) - NEEDED * bulkhead.usual_s)))
        # The slot is kept until the end of the work, not of the waiting for it: a cancelled request has its thread.
        return await self._threads.answer(environ, partial(_leave, bulkhead, time.monotonic()))

    def _bulkhead_of(self, environ: dict[str, Any]) -> Bulkhead:
        path, is_safe = environ["PATH_INFO"], environ["REQUEST_METHOD"] in SAFE
        if _UPKEEP.match(path):
            return self._upkeep
        if is_hashing(environ.get("HTTP_AUTHORIZATION", "")) or (_LOGIN.search(path) and not is_safe):
            return self._passwords
        if is_safe:
            return self._searches if environ.get("QUERY_STRING") and _SEARCH.fullmatch(path) else self._reads
        return self._purchases if _PURCHASE.fullmatch(path) else self._changes

    def close(self) -> None:
        self._threads.close()


def _leave(bulkhead: Bulkhead, began: float) -> None:
    bulkhead.leave(time.monotonic() - began)


def _patience_s(environ: dict[str, Any]) -> float:
    """How long the client waits, if it said so; nonsense is refused later, with its reason."""
    sent = environ.get(_TIMEOUT, "")
    return float(sent) if deadlines.is_timeout(sent) else float("inf")
