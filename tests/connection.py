"""A kept connection that is used again only while it can be: how all our own clients of a store talk to it.

A server may close a connection on which nothing comes for a while (RFC 9112, section 9.3); who sends on it then gets
no answer. So a connection that the other side has closed, or that has been idle for long enough that it may be just
about to, isn't used for another request: there is a new one. What was sent once is never sent again: who asked has
to know whether it may be.
"""

import select
import time
from http.client import HTTPConnection

from bookstore_project.clock import Clock

IDLE_S = 5.0
"""Of silence, after which a connection isn't used again. A front closes one after ten seconds."""


class Kept:
    """Connections to one address, one after the other, for one thread."""

    def __init__(self, address: str, timeout_s: float, *, clock: Clock = time.monotonic) -> None:
        host, _, port = address.partition(":")
        self._http = HTTPConnection(host, int(port), timeout=timeout_s)
        self._clock = clock
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._http.sock is not None

    def take(self) -> HTTPConnection:
        """To send one request on. Connects if there is nothing to use again; raises OSError if it can't."""
        if self._http.sock is not None and (self._clock() - self._used_at > IDLE_S or _has_ended(self._http)):
            self._http.close()
        if self._http.sock is None:
            self._http.connect()
        return self._http

    def answered(self) -> None:
        """The answer was read to its end."""
        self._used_at = self._clock()

    def close(self) -> None:
        """The next request gets a new connection."""
        self._http.close()


def _has_ended(connection: HTTPConnection) -> bool:
    """Whether there is something to read before anything was asked: the end, or what nobody should have sent."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
