"""Ends the lock of a primary whose host is gone, before its time: `bookstore-takeover`, on the third host.

The lock lasts for 20 s after it was renewed last, the least that Patroni allows. If neither the third host nor the
standby hears anything of the primary's host, nobody can renew it: two of three members of etcd are on this side. So
it is taken back after some seconds. Patroni decides the rest: only a synchronous standby takes over (docs/adr/0050).

Should the primary live and reach etcd all the same, it may be about to go on alone: Patroni there leaves the standby
out of etcd's list of synchronous ones, and then has PostgreSQL wait for nobody. It writes that list only if nobody
has since it read it, when the lock was its own. So whoever takes the lock back writes the list, too, as it was, in
the same transaction.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.hosts import cluster as ports
from deploy.hosts import etcd
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host
from deploy.hosts.etcd import Entry, in_base64
from deploy.hosts.handing_over import Ends
from deploy.hosts.waking import PASSWORD

EVERY_S = 0.5
GONE_AFTER_S = 3.0
"""So long has Patroni there not answered. The standby may notice later: it waits 5 s for a word of its primary."""
WATCHES, TOLD_EVERY_S, TOLD_FOR_S = "/bookstore/takeover", 5.0, 20
"""There while it looks, and some seconds longer: so `host-status` knows on each host (`watches`)."""
LOCK, SYNCHRONOUS = "/service/bookstore/leader", "/service/bookstore/sync"
"""As Patroni writes them, with the scope of patroni.yml: who is the primary; who was synchronous to whom."""


@dataclass
class Watch:
    """Of the third host. Looks at whoever has the lock, and notes since when nothing comes from there."""

    cluster: Cluster
    asker: Asker
    clock: Callable[[], float] = time.monotonic
    silent_since: dict[str, float] = field(default_factory=dict)
    told_at: float | None = None

    def tell(self) -> str:
        """That it looks, to others; not more often than is needed. Raises Unanswered."""
        now = self.clock()
        if self.told_at is None or now - self.told_at >= TOLD_EVERY_S:
            etcd.put_for(self.asker, self._own, WATCHES, self._own.name, TOLD_FOR_S)
            self.told_at = now
        return ""

    def look(self) -> str:
        """What was done, in words; empty if nothing was to be done. Raises Unanswered."""
        began = self.clock()
        try:
            lock = self._entry(LOCK)
        except Unanswered:  # Nobody has looked at its holder meanwhile.
            self.silent_since.clear()
            raise
        holder = next((host for host in self.cluster.with_rows if lock and host.name == lock.value), None)
        if lock is None or holder is None or self.asker.patroni_answers(holder):
            self.silent_since.clear()
            return ""
        self.silent_since = {holder.name: self.silent_since.get(holder.name, began)}
        is_gone = self.clock() - self.silent_since[holder.name] >= GONE_AFTER_S
        if not is_gone or not self._hears_nothing(standby := self._other(holder)):
            return ""
        synchronous = self._entry(SYNCHRONOUS)
        if synchronous is None or not is_synchronous(standby, holder, synchronous.value):
            return ""
        self.silent_since.clear()
        is_done = self._take_back(lock, synchronous)
        return f"{holder.name} is gone: its lock is taken back" if is_done else ""

    @property
    def _own(self) -> Host:
        return self.cluster.hosts[-1]

    def _other(self, holder: Host) -> Host:
        (standby,) = (host for host in self.cluster.with_rows if host != holder)
        return standby

    def _entry(self, key: str) -> Entry | None:
        return etcd.entry(self.asker, self._own, key)

    def _take_back(self, lock: Entry, synchronous: Entry) -> bool:
        """False if either has changed since: then nothing is done."""
        written = {"key": in_base64(SYNCHRONOUS), "value": in_base64(synchronous.value)}
        transaction = {
            "compare": [lock.is_unchanged(), synchronous.is_unchanged()],
            "success": [{"request_put": written}, {"request_delete_range": {"key": in_base64(LOCK)}}],
        }
        return bool(etcd.ask(self.asker, self._own, "/v3/kv/txn", transaction).get("succeeded"))

    def _hears_nothing(self, standby: Host) -> bool:
        """Whether its PostgreSQL runs, and receives nothing of the primary's."""
        answer = self.asker.ask(standby.address, ports.PATRONI, "/patroni")
        told = answer.content if isinstance(answer.content, dict) else {}
        return told.get("state") == "running" and told.get("replication_state") != "streaming"


def is_synchronous(standby: Host, holder: Host, listed: str) -> bool:
    """By Patroni's list, whose JSON names the primary of whom it holds, too."""
    told = json.loads(listed)
    return told.get("leader") == holder.name and standby.name in (told.get("sync_standby") or "").split(",")


def watches(asker: Asker, cluster: Cluster) -> bool | None:
    """Whether somebody looks; None if nobody knows, for want of a majority of etcd."""
    for host in cluster.hosts:
        try:
            return etcd.entry(asker, host, WATCHES) is not None
        except Unanswered:
            continue
    return None


def keep(cluster: Cluster, folder: Path, say: Callable[[str], object]) -> None:
    """For ever; whoever doesn't answer is asked again."""
    watch = Watch(cluster, asker := Asker(folder))
    ends = Ends(cluster, asker, (folder / PASSWORD).read_text())
    while True:
        look_around(watch, ends, say)
        time.sleep(EVERY_S)


def look_around(watch: Watch, ends: Ends, say: Callable[[str], object]) -> None:
    """Once. While the primary's host is silent it isn't asked for its certificate: that would take seconds."""
    for act in (watch.look, watch.tell, lambda: "" if watch.silent_since else ends.look()):
        try:
            if done := act():
                say(done)
        except (Unanswered, ValueError, KeyError) as error:
            say(json.dumps(str(error)))
