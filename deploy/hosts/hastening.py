"""Ends the lock of a primary whose host is gone, before its time: `bookstore-takeover`, on the third host.

The lock lasts for 20 s after it was renewed last, the least that Patroni allows. If neither the third host nor the
standby hears anything of the primary's host, nobody can renew it: two of three members of etcd are on this side. So
it is taken back after some seconds. Patroni decides the rest: only a synchronous standby takes over (docs/adr/0050).
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host

EVERY_S = 0.5
GONE_AFTER_S = 3.0
"""So long has Patroni there not answered. The standby may notice later: it waits 5 s for a word of its primary."""
LOCK = "/service/bookstore/leader"
"""As Patroni writes it, with the scope of patroni.yml."""


@dataclass
class Watch:
    """Of the third host. Looks at whoever has the lock, and notes since when nothing comes from there."""

    cluster: Cluster
    asker: Asker
    clock: Callable[[], float] = time.monotonic
    silent_since: dict[str, float] = field(default_factory=dict)

    def look(self) -> str:
        """What was done, in words; empty if nothing was to be done. Raises Unanswered."""
        began = self.clock()
        name, lease = self._lock()
        holder = next((host for host in self.cluster.with_rows if host.name == name), None)
        if holder is None or self._answers(holder):
            self.silent_since.clear()
            return ""
        since = self.silent_since.setdefault(name, began)
        if self.clock() - since < GONE_AFTER_S or not self._can_take_over(holder):
            return ""
        answer = self.asker.ask(self._own.address, ports.ETCD, "/v3/lease/revoke", {"ID": lease})
        self.silent_since.clear()
        done = "its lock is taken back" if answer.status == HTTPStatus.OK else f"etcd answers {answer.content}"
        return f"{name} is gone: {done}"

    @property
    def _own(self) -> Host:
        return self.cluster.hosts[-1]

    def _lock(self) -> tuple[str, str]:
        """Who has it, and its lease; empty if nobody has."""
        asked = {"key": base64.b64encode(LOCK.encode()).decode()}
        answer = self.asker.ask(self._own.address, ports.ETCD, "/v3/kv/range", asked)
        if answer.status != HTTPStatus.OK:
            raise Unanswered(f"etcd answers {answer.content}")
        for found in answer.content.get("kvs", ()):
            return base64.b64decode(found["value"]).decode(), str(found.get("lease", ""))
        return "", ""

    def _answers(self, holder: Host) -> bool:
        try:
            self.asker.ask(holder.address, ports.PATRONI, "/liveness")
        except Unanswered:
            return False
        return True

    def _can_take_over(self, holder: Host) -> bool:
        """Whether the other host is its synchronous standby, runs, and hears nothing of it either."""
        (standby,) = (host for host in self.cluster.with_rows if host != holder)
        answer = self.asker.ask(standby.address, ports.PATRONI, "/patroni")
        told = answer.content if isinstance(answer.content, dict) else {}
        may = told.get("sync_standby") and told.get("state") == "running"
        return bool(may) and told.get("replication_state") != "streaming"


def keep(cluster: Cluster, folder: Path, say: Callable[[str], object]) -> None:
    """For ever; whoever doesn't answer is asked again."""
    watch = Watch(cluster, Asker(folder))
    while True:
        try:
            if done := watch.look():
                say(done)
        except (Unanswered, ValueError, KeyError) as error:
            say(json.dumps(str(error)))
        time.sleep(EVERY_S)
