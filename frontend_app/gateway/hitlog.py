"""Log lines of quick answers: all of them at leisure, some of them in a flood, with the number left out."""

import time
from collections.abc import Mapping
from typing import Any

from bookstore_project.wire import headers
from bookstore_project.wire.middleware import QUIET_PREFIXES, access_log
from frontend_app.gateway.messages import Outgoing, RawHeaders, Scope, raw_headers
from frontend_app.journal import Journal

LINES_PER_S = 50


class HitLog:
    """At most about LINES_PER_S lines a second. For the event loop only: it has no lock."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._window = 0.0
        self._lines = 0
        self._next_at = 0.0
        self._left_out = 0

    def hit(self, scope: Scope, start: Mapping[str, Any], began: float) -> None:
        """Of an answer from the cache that has been sent; `began` is of `time.perf_counter`."""
        if began < self._next_at:
            self._left_out += 1
        else:
            self._write(scope, start["status"], start["headers"], "cache", began)

    def refused(self, scope: Scope, answer: Outgoing, began: float) -> None:
        """Of an answer that the gateway gave by itself."""
        if scope["path"].startswith(QUIET_PREFIXES):
            return
        if began < self._next_at:
            self._left_out += 1
        else:
            self._write(scope, answer.status, raw_headers(answer.headers), "front", began)

    def _write(self, scope: Scope, status: int, raw: RawHeaders, source: str, began: float) -> None:
        self._count(began)
        took_ms = (time.perf_counter() - began) * 1000
        left_out = f" ({self._left_out} more like it)" if self._left_out else ""
        self._left_out = 0
        path, sent = _printable(scope), {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        request_id = sent[headers.REQUEST_ID.lower()]
        access_log.info(
            "%s %s %s %s %.1f ms%s",
            scope["method"],
            path,
            status,
            source,
            took_ms,
            left_out,
            extra={"request_id": request_id, "status": status, "duration_ms": round(took_ms, 2)},
        )
        cache, replica = sent[headers.CACHE.lower()], sent[headers.REPLICA.lower()]
        self._journal.request(scope["method"], path, status, cache, replica, took_ms, request_id, [])

    def _count(self, now: float) -> None:
        if now - self._window >= 1:
            self._window, self._lines = now, 0
        self._lines += 1
        # The first half at once, the others spread over the second, so that in a flood it is every n-th.
        if self._lines >= LINES_PER_S / 2:
            self._next_at = self._window + min(1.0, (self._lines + 1) / LINES_PER_S)


def _printable(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    text = f"{path}?{query}" if query else path
    return text.encode("ascii", "backslashreplace").decode()
