"""Ends the lock of a primary whose host is gone, before its time: `bookstore-takeover`, on the third host.

The lock lasts for 20 s after it was renewed last, the least that Patroni allows. If neither the third host nor the
standby hears anything of the primary's host, nobody can renew it: two of three members of etcd are on this side. So
it is taken back after some seconds. Patroni decides the rest: only a synchronous standby takes over (docs/adr/0050).
"""

import base64
import json
import socket
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
"""So long has nothing there taken a connection. The standby may notice later: it waits 5 s for a word."""
CONNECT_S = 0.7
ASKED_AT = (ports.PATRONI, ports.POSTGRESQL, ports.ETCD)
LOCK = "/service/bookstore/leader"
"""As Patroni writes it, with the scope of patroni.yml."""


def takes_connections(host: Host) -> bool:
    """Whether any of its parts does; a machine that is only slow does."""
    for port in ASKED_AT:
        try:
            socket.create_connection((host.address, port), CONNECT_S).close()
        except OSError:
            continue
        return True
    return False


@dataclass
class Watch:
    """Of the third host. Looks at whoever has the lock, and notes since when nobody answers there."""

    cluster: Cluster
    asker: Asker
    takes_connections: Callable[[Host], bool] = takes_connections
    clock: Callable[[], float] = time.monotonic
    silent_since: dict[str, float] = field(default_factory=dict)

    def look(self) -> str:
        """What was done, in words; empty if nothing was to be done. Raises Unanswered."""
        began = self.clock()
        name, lease = self._lock()
        holder = next((host for host in self.cluster.with_rows if host.name == name), None)
        if holder is None or self.takes_connections(holder):
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

    def _can_take_over(self, holder: Host) -> bool:
        """Whether the other host is its synchronous standby, and hears nothing of it either."""
        (standby,) = (host for host in self.cluster.with_rows if host != holder)
        answer = self.asker.ask(standby.address, ports.PATRONI, "/patroni")
        told = answer.content if isinstance(answer.content, dict) else {}
        return bool(told.get("sync_standby")) and told.get("replication_state") != "streaming"


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
