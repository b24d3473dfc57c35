"""New code for the store, one host after the other, without a failed request: what `make host-upgrade` does.

A host's nodes are drained before they end. Meanwhile those of the other host do all, and both HAProxys lead there.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker
from deploy.hosts.carrying_out import managing
from deploy.hosts.cluster import Cluster, Host, Refused
from deploy.hosts.parts import Part, Places

DONE_AFTER_S = 15.0
"""HAProxy leaves a drained front out after 2 s, nodes a drained replica after 1 s; a purchase takes 10 s at most."""
PATIENCE_S, LOOKED_EVERY_S = 120.0, 0.5
REPLICAS = (ports.CATALOG, ports.ORDER)
"""Ready whether they are drained or not."""
SPEAKS_TLS = "BOOKSTORE_TLS"
"""Of which no version says anything to its nodes whose nodes speak plain HTTP to one another."""
Say = Callable[[str], object]


class Store(Protocol):
    """The nodes of one host."""

    def manage(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command of the store's, on this host."""

    def stop(self) -> None:
        """Returns when none of its processes is left."""

    def renew(self) -> None:
        """Exchanges the code, and starts the nodes. Raises Refused."""


def upgrade(
    host: Host, cluster: Cluster, asker: Asker, store: Store, say: Say, done_after_s: float = DONE_AFTER_S
) -> None:
    """May be called again after whatever went wrong. Raises Refused."""
    for other in cluster.with_rows:
        if other != host and not asker.node_is_ready(other, ports.FRONT):
            raise Refused(f"The front of {other.name} isn't ready: nobody would serve. Nothing was changed.")
    _tell(store.manage("drain", "--this-host"), say)
    say(f"wait {done_after_s:.0f} s, until what these nodes have begun is done")
    time.sleep(done_after_s)
    say("stop the store")
    store.stop()
    store.renew()
    wait_for_nodes(host, asker, REPLICAS, say)
    _tell(store.manage("undrain", "--this-host"), say)
    wait_for_nodes(host, asker, (ports.FRONT,), say)
    say("This host serves again.")


def _tell(done: "subprocess.CompletedProcess[str]", say: Say) -> None:
    for line in done.stdout.splitlines():
        say(line)
    if done.returncode != 0:
        raise Refused(f"{done.stderr.strip()} Mend it, and call again; or give up: `manage.py undrain --this-host`.")


def wait_for_nodes(host: Host, asker: Asker, nodes: tuple[int, ...], say: Say) -> None:
    """By their ports. Raises Refused if they aren't ready in time."""
    say("wait until its nodes are ready")
    until = time.monotonic() + PATIENCE_S
    while not all(asker.node_is_ready(host, port) for port in nodes):
        if time.monotonic() > until:
            raise Refused(f"After {PATIENCE_S:.0f} s its nodes aren't ready: journalctl -u bookstore-store.")
        time.sleep(LOOKED_EVERY_S)


class StoreOfUnit:
    """Of this host, as systemd runs it."""

    def __init__(self, parts: Sequence[Part], places: Places, version: str, make: tuple[str, ...]) -> None:
        """`parts`: of this host. `version`: what git knows it by. `make`: the command that makes this machine a host,
        with the new code."""
        self._places, self._version, self._make = places, version, make
        self._part = next((part for part in parts if part.name == "store"), parts[0])
        self._helpers = tuple(part.unit for part in parts if "deploy.hosts" in part.command)

    def require_version(self) -> None:
        """Fetches it. Raises Refused if there is no such version, or hosts can't change to it one after the other."""
        self._run(*self._git("fetch", "--quiet", "--tags", "origin"))
        self._run(*self._git("cat-file", "-e", f"{self._version}^{{commit}}"))
        self._require_tls()

    def _require_tls(self) -> None:
        """As this code's nodes speak it."""
        told = self._git("grep", "--quiet", SPEAKS_TLS, self._version, "--", "deploy/hosts")
        if subprocess.run(told, check=False, capture_output=True).returncode != 0:  # noqa: S603  # Ours.
            raise Refused(
                f"The nodes of {self._version} speak without TLS, and wouldn't understand those of the other host. "
                "Nothing was changed. On both hosts, `systemctl stop bookstore-store`; then check it out on all "
                "three, and call `make host` on each. Nobody sells meanwhile."
            )

    def manage(self, *command: str) -> "subprocess.CompletedProcess[str]":
        called, given = managing(self._part, command)
        return subprocess.run(called, check=False, capture_output=True, text=True, env=given)  # noqa: S603  # Ours.

    def stop(self) -> None:
        self._run("systemctl", "stop", self._part.unit)

    def renew(self) -> None:
        self._run(*self._git("checkout", "--quiet", "--detach", self._version))
        self._run(*self._make)
        # Their code is of the checkout, too. `make` starts again only what is told other things.
        self._run("systemctl", "restart", *self._helpers)

    def _git(self, *command: str) -> tuple[str, ...]:
        return ("git", "-C", str(self._places.checkout), *command)

    def _run(self, *command: str) -> None:
        if (status := subprocess.run(command, check=False).returncode) != 0:  # noqa: S603  # Ours.
            raise Refused(f"{' '.join(command)}: exit status {status}. After mending it, call again.")
