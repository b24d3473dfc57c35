"""Ends the lock of a primary whose host is gone, before its time: `bookstore-takeover`, on the third host.

The lock lasts for 20 s after it was renewed last, the least that Patroni allows. If neither the third host nor the
standby hears anything of the primary's host, nobody can renew it: two of three members of etcd are on this side. So
it is taken back after some seconds. Patroni decides the rest: only a synchronous standby takes over (docs/adr/0050).

Should the primary live and reach etcd all the same, it may be about to go on alone: Patroni there leaves the standby
out of etcd's list of synchronous ones, and then has PostgreSQL wait for nobody. It writes that list only if nobody
has since it read it, when the lock was its own. So whoever takes the lock back writes the list, too, as it was, in
the same transaction.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host

EVERY_S = 0.5
GONE_AFTER_S = 3.0
"""So long has Patroni there not answered. The standby may notice later: it waits 5 s for a word of its primary."""
LOCK, SYNCHRONOUS = "/service/bookstore/leader", "/service/bookstore/sync"
"""As Patroni writes them, with the scope of patroni.yml: who is the primary; who was synchronous to whom."""


@dataclass(frozen=True)
class Entry:
    """Of etcd, as it was at that revision."""

    key: str
    value: str
    revision: str

    def is_unchanged(self) -> dict[str, str]:
        """For a transaction."""
        return {"key": _base64(self.key), "target": "MOD", "mod_revision": self.revision, "result": "EQUAL"}


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
        lock = self._entry(LOCK)
        holder = next((host for host in self.cluster.with_rows if lock and host.name == lock.value), None)
        if lock is None or holder is None or self._answers(holder):
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
        """As a majority has it; None if there is none."""
        for found in self._ask_etcd("/v3/kv/range", {"key": _base64(key)}).get("kvs", ()):
            return Entry(key, base64.b64decode(found["value"]).decode(), str(found["mod_revision"]))
        return None

    def _take_back(self, lock: Entry, synchronous: Entry) -> bool:
        """False if either has changed since: then nothing is done."""
        written = {"key": _base64(SYNCHRONOUS), "value": _base64(synchronous.value)}
        transaction = {
            "compare": [lock.is_unchanged(), synchronous.is_unchanged()],
            "success": [{"request_put": written}, {"request_delete_range": {"key": _base64(LOCK)}}],
        }
        return bool(self._ask_etcd("/v3/kv/txn", transaction).get("succeeded"))

    def _ask_etcd(self, path: str, asked: object) -> dict[str, Any]:
        answer = self.asker.ask(self._own.address, ports.ETCD, path, asked)
        if answer.status != HTTPStatus.OK or not isinstance(answer.content, dict):
            raise Unanswered(f"etcd answers {answer.content}")
        return answer.content

    def _answers(self, holder: Host) -> bool:
        try:
            self.asker.ask(holder.address, ports.PATRONI, "/liveness")
        except Unanswered:
            return False
        return True

    def _hears_nothing(self, standby: Host) -> bool:
        """Whether its PostgreSQL runs, and receives nothing of the primary's."""
        answer = self.asker.ask(standby.address, ports.PATRONI, "/patroni")
        told = answer.content if isinstance(answer.content, dict) else {}
        return told.get("state") == "running" and told.get("replication_state") != "streaming"


def is_synchronous(standby: Host, holder: Host, listed: str) -> bool:
    """By Patroni's list, whose JSON names the primary of whom it holds, too."""
    told = json.loads(listed)
    return told.get("leader") == holder.name and standby.name in (told.get("sync_standby") or "").split(",")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


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
