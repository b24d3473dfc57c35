"""Log lines of quick answers: all of them at leisure, some of them in a flood, with the number left out."""

import time
from collections.abc import Callable

from bookstore_project.wire import headers
from bookstore_project.wire.middleware import QUIET_PREFIXES, access_log
from frontend_app.gateway.messages import Incoming, Outgoing, raw_headers
from frontend_app.journal import Journal

LINES_PER_S = 50


class HitLog:
    """At most about LINES_PER_S lines a second. For the event loop only: it has no lock."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._window = clock()
        self._lines = 0
        self._left_out = 0

    def write(self, request: Incoming, answer: Outgoing, source: str, request_id: str, took_ms: float) -> None:
        """`source` says in words where the answer came from."""
        if request.path.startswith(QUIET_PREFIXES):
            return
        if not self._has_room():
            self._left_out += 1
            return
        left_out = f" ({self._left_out} more like it)" if self._left_out else ""
        self._left_out = 0
        path = _printable(request)
        access_log.info(
            "%s %s %s %s %.1f ms%s",
            request.method,
            path,
            answer.status,
            source,
            took_ms,
            left_out,
            extra={"request_id": request_id, "status": answer.status, "duration_ms": round(took_ms, 2)},
        )
        cache = "hit" if source == "cache" else "bypass"
        replica = _replica_of(answer)
        self._journal.request(request.method, path, answer.status, cache, replica, took_ms, request_id, [])

    def _has_room(self) -> bool:
        # Spread over the second, so that in a flood it is every n-th and not the first fifty.
        now = self._clock()
        if now - self._window >= 1:
            self._window, self._lines = now, 0
        if self._lines >= LINES_PER_S / 2 and self._lines >= (now - self._window) * LINES_PER_S:
            return False
        self._lines += 1
        return True


def _replica_of(answer: Outgoing) -> str:
    wanted = headers.REPLICA.lower().encode()
    named = [*answer.ready_headers, *raw_headers(answer.headers)]
    return next((value.decode() for name, value in named if name == wanted), "")


def _printable(request: Incoming) -> str:
    raw: bytes = request.scope.get("raw_path") or request.path.encode()
    path = raw.partition(b"?")[0].decode("latin-1")
    text = f"{path}?{request.query}" if request.query else path
    return text.encode("ascii", "backslashreplace").decode()
