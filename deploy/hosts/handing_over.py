"""Has the standby take over before the certificate of the primary's host ends: part of `bookstore-takeover`.

Once it has ended nobody takes over, since that looks as if clocks were wrong (docs/adr/0060). Before, all still
understand one another: it is Patroni's own switchover, and takes as long as that. The standby's has to last longer,
or there is nothing to be gained.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host

EVERY_S = 60.0
"""A switchover takes some seconds, or more on a busy machine: only then is it asked for again."""
BEFORE = timedelta(hours=1)
"""So long before it ends; and so much longer, at least, the standby's has to last."""
RUNNING = ("running", "streaming")


@dataclass
class Ends:
    """Looks at the certificates that the Patronis of the primary and of its synchronous standby show."""

    cluster: Cluster
    asker: Asker
    password: str
    """Of Patroni."""
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    looked_at: float | None = None

    def look(self) -> str:
        """What was done, in words; empty if nothing was to be done. Raises Unanswered."""
        if self.looked_at is not None and self.clock() - self.looked_at < EVERY_S:
            return ""
        self.looked_at = self.clock()
        by_role = {
            copy["role"]: host
            for copy in self.asker.copies(self.cluster)
            for host in self.cluster.with_rows
            if copy["name"] == host.name and copy.get("state") in RUNNING
        }
        holder, standby = by_role.get("leader"), by_role.get("sync_standby")
        if holder is None or standby is None or not self._is_due(holder, standby):
            return ""
        self._hand_over(holder, standby)
        return f"the certificate of {holder.name} is about to end: {standby.name} is to take over"

    def _is_due(self, holder: Host, standby: Host) -> bool:
        ends, others_end = self._ends(holder), self._ends(standby)
        if ends is None or others_end is None:
            return False
        return ends - self.now() < BEFORE < others_end - ends

    def _ends(self, host: Host) -> datetime | None:
        return self.asker.ask(host.address, ports.PATRONI, "/liveness").certificate_ends

    def _hand_over(self, holder: Host, standby: Host) -> None:
        wanted = {"leader": holder.name, "candidate": standby.name}
        where = holder.address, ports.PATRONI
        try:
            answer = self.asker.change(*where, "/switchover", wanted, "patroni", self.password, method="POST")
        except Unanswered:  # Patroni answers once it is done, which may take longer than anybody waits here.
            return
        if answer.status != HTTPStatus.OK:
            raise Unanswered(f"{holder.name} hands nothing over: {answer.status}")
