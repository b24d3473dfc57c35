"""That a server is the primary, shown by a commit that its standby confirms: once for all readers who wait for it.

Without it an old primary that was cut off would answer from what it has, and a primary that was restarted would show
commits that no standby has. No clock is involved.
"""

import threading
import time
from collections.abc import Callable
from functools import cache

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.postgresql.backend.base import DatabaseWrapper
from bookstore_project.replication.postgresql.schema import SERVER_TIMELINE
from bookstore_project.replication.postgresql.waiting import NotConfirmed, confirmed

TIMEOUT_S = 2.0
# The message makes it a transaction that is written, and waited for. Nobody reads it.
PROOF = f"SELECT {SERVER_TIMELINE}, pg_logical_emit_message(true, 'bookstore', '')"


def server_timeline(database: DatabaseWrapper) -> str:
    """The server's own timeline, which its standby confirms. Raises NotConfirmed, psycopg.Error, DatabaseError."""
    return (confirmed(database.raw, PROOF, TIMEOUT_S) or b"").decode()


class Barrier:
    """One proof at a time, for all who came before it began; one of those who wait makes the next."""

    def __init__(self) -> None:
        self._guard = threading.Condition()
        self._begun = self._ended = 0
        self._is_running = False
        self._outcome: str | Exception = ""

    def wait(self, prove: Callable[[], str]) -> str:
        """What a proof gives that began after this call. Raises Unavailable if there is none in time."""
        with self._guard:
            mine, until = self._begun + 1, time.monotonic() + 2 * TIMEOUT_S
            reached("barrier")
            while self._is_running and self._ended < mine:
                if not self._guard.wait(max(0.0, until - time.monotonic())):
                    raise Unavailable("Whether the primary is one couldn't be shown in time.")
            if self._ended >= mine:
                return self._told()
            self._is_running, self._begun = True, mine
        outcome: str | Exception = NotConfirmed("who was to show it failed")
        try:
            outcome = prove()
        except Exception as error:
            outcome = error
        finally:
            with self._guard:
                self._is_running, self._ended, self._outcome = False, mine, outcome
                self._guard.notify_all()
        with self._guard:
            return self._told()

    def _told(self) -> str:
        if isinstance(self._outcome, Exception):
            raise Unavailable(f"The primary couldn't show that it is one: {self._outcome}") from self._outcome
        return self._outcome


@cache
def barrier_of(service_name: str) -> Barrier:
    return Barrier()
