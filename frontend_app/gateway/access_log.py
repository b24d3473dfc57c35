"""Log lines of quick answers: all of them at leisure, some of them in a flood, with the number left out."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from bookstore_project.api import headers
from bookstore_project.nodes import metrics, redaction
from bookstore_project.nodes.access_log import QUIET_PREFIXES, log_request
from bookstore_project.nodes.gateway.messages import Outgoing, RawHeaders, Scope, raw_headers
from frontend_app.monitoring.journal import Journal

LINES_PER_S = 25


class LineLimit:
    """About LINES_PER_S lines a second, spread over it: in a flood every n-th is written, not the first ones.

    Whoever comes before `next_at` (of `time.perf_counter`) only counts in `left_out`.
    """

    __slots__ = ("_lines", "_window", "left_out", "next_at")

    def __init__(self) -> None:
        self.next_at = 0.0
        self.left_out = 0
        self._window = 0.0
        self._lines = 0

    def take(self, now: float) -> str:
        """For a line that is written now: what it says about those that weren't."""
        if now - self._window >= 1:
            self._window, self._lines = now, 0
        self._lines += 1
        # The first half at once, the others spread over the second, so that in a flood it is every n-th.
        if self._lines >= LINES_PER_S / 2:
            self.next_at = self._window + min(1.0, (self._lines + 1) / LINES_PER_S)
        text = f" ({self.left_out} more like it)" if self.left_out else ""
        self.left_out = 0
        return text


class AccessLog:
    """Of what never gets to a thread. For the event loop only: it has no lock."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._limit = LineLimit()
        self._push_limit = LineLimit()
        self._uncounted = 0
        """Hits of a flood: the next one that is written stands for them, also in the figures."""

    def hit(self, scope: Scope, start: Mapping[str, Any], began: float) -> None:
        """Of an answer from the cache that has been sent; `began` is of `time.perf_counter`."""
        if began < self._limit.next_at:
            self._uncounted += 1
        else:
            took_ms = (time.perf_counter() - began) * 1000
            count, self._uncounted = 1 + self._uncounted, 0
            self._limit.left_out += count - 1
            self._journal.stats.own.add(took_ms, cache="hit", count=count)
            self._write(scope, start["status"], start["headers"], "cache", began, count)

    def rejected(self, scope: Scope, answer: Outgoing, began: float) -> None:
        """Of an answer that the gateway gave by itself."""
        if scope["path"].startswith(QUIET_PREFIXES):
            return
        self._journal.stats.note(answer.status, "bypass", (time.perf_counter() - began) * 1000)
        if began < self._limit.next_at:
            self._limit.left_out += 1
        else:
            self._write(scope, answer.status, raw_headers(answer.headers), "front", began)

    def pushed(self, scope: Scope, answer: Outgoing, effects: Iterable[tuple[str, str]], began: float) -> None:
        """Of a push: a line for each effect, under the id of the request that caused it."""
        limit, took_ms = self._push_limit, _ms_since(began)
        for request_id, effect in effects:
            if began < limit.next_at:
                limit.left_out += 1
            else:
                more = f" ({effect}){limit.take(began)}"
                log_request(scope["method"], scope["path"], answer.status, "front", took_ms, more, request_id)

    def _write(self, scope: Scope, status: int, raw: RawHeaders, source: str, began: float, count: int = 1) -> None:
        took_ms, address, method = _ms_since(began), _address(scope), scope["method"]
        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        request_id = sent[headers.REQUEST_ID.lower()]
        log_request(method, address, status, source, took_ms, self._limit.take(began), request_id)
        cache, replica = sent[headers.CACHE.lower()], sent[headers.REPLICA.lower()]
        route = metrics.pattern_of_path(scope["path"])
        self._journal.request(method, address, route, status, cache, replica, took_ms, request_id, [], count=count)


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _address(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = redaction.text_of(raw.partition(b"?")[0].decode("latin-1"))
    return redaction.address(path, scope["query_string"].decode("latin-1"))
