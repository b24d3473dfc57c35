"""Three machines on one network, with a bundle of secrets of their own."""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from deploy.hosts import cluster as ports
from deploy.hosts import secret_bundle, status
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host
from deploy.hosts.parts import Places
from deploy.hosts.rendering import OPERATOR
from deploy.hosts.secret_bundle import Bundle
from deploy.hosts.setting import Setting
from tests.hosts.clock import Clock, compiled
from tests.hosts.machine import Machine
from tests.hosts.network import Network
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
MACHINES = 3
MEMORY_MB = 512


class Hosts:
    """Installed, and off. With `disk_mb`, each has a disk of its own of that size; with `has_clocks`, a clock.

    With `shares_cache`, both fronts keep theirs in the Redis that Sentinels elect.
    """

    def __init__(
        self, folder: Path, disk_mb: int = 0, *, has_clocks: bool = False, shares_cache: bool = False
    ) -> None:
        self.folder, self._disk_mb, self._shares_cache = folder, disk_mb, shares_cache
        self._clocks = compiled(folder) if has_clocks else None
        self.waited_for = ""
        """What wasn't well at the last look."""
        self.network = Network(MACHINES)
        addresses = [self.network.address(number) for number in range(1, MACHINES + 1)]
        self.cluster = Cluster(tuple(Host(number, each) for number, each in enumerate(addresses, start=1)))
        with self._a_day_ago():
            self.bundle = secret_bundle.make(self.cluster)
        self.machines = {host.number: self._machine(host) for host in self.cluster.hosts}
        for machine in self.machines.values():
            machine.install()
        self.asker = Asker(self.machines[MACHINES].places.configuration / OPERATOR)

    @contextmanager
    def _a_day_ago(self) -> Iterator[None]:
        """To programs that are started meanwhile: certificates hold already where a clock is slow."""
        if self._clocks is None:
            yield
            return
        clock = Clock(self._clocks, self.folder / "yesterday")
        clock.set(-86400)
        with mock.patch.dict(os.environ, clock.environment):
            yield

    def _machine(self, host: Host) -> Machine:
        own = self.folder / host.name
        places = Places(ROOT, Path(sys.executable), own / "etc", own / "data")
        setting = Setting(host, self.cluster, self.bundle, places, MEMORY_MB)
        card = self.network.cards[host.number]
        clock = Clock(self._clocks, own / "clock") if self._clocks else None
        return Machine(setting, card, own / "log", self._disk_mb, clock, shares_cache=self._shares_cache)

    def close(self) -> None:
        for machine in self.machines.values():
            machine.power_off()
        self.network.close()

    def power_on(self) -> None:
        """All of them at once."""
        with ThreadPoolExecutor(MACHINES) as pool:
            list(pool.map(Machine.power_on, self.machines.values()))

    def take_secrets(self, bundle: Bundle, *some: Machine) -> None:
        """On those machines, or on all; whoever asks shows the new certificates."""
        for machine in some or self.machines.values():
            machine.take_secrets(bundle)
            self.asker = Asker(machine.places.configuration / OPERATOR)

    def not_well(self) -> list[str]:
        """What `make host-status` says isn't well; the disk is this machine's, and its own matter."""
        with self.network.switch.entered():
            lines = status.in_words(status.look(self.cluster, self.asker, self.folder), datetime.now(UTC))
        texts = [line.text for line in lines if not line.is_well and not line.text.startswith("disk")]
        self.waited_for = "; ".join(texts)
        return texts

    def wait_until_whole(self) -> float:
        """The seconds until all is well."""
        began = time.monotonic()
        wait_for(lambda: not self.not_well(), what="all is well on the three hosts")
        return time.monotonic() - began

    def primary(self) -> Machine | None:
        """By what Patroni has written down in etcd."""
        with self.network.switch.entered():
            try:
                copies = self.asker.copies(self.cluster)
            except Unanswered:
                return None
        names = {copy["name"] for copy in copies if copy["role"] == "leader"}
        return next((machine for machine in self.machines.values() if machine.host.name in names), None)

    def connection(self, host: Host) -> dict[str, Any]:
        """How a store on that host reaches the primary (https://www.postgresql.org/docs/15/libpq-connect.html)."""
        return {
            "host": ",".join(each.address for each in self.cluster.nearest_first(host)),
            "port": ports.POSTGRESQL,
            "user": "bookstore",
            "password": self.bundle.password("bookstore"),
            "sslmode": "verify-full",
            "sslrootcert": str(self.asker.folder / "ca.crt"),
            "target_session_attrs": "primary",
            "connect_timeout": 2,
            "tcp_user_timeout": 3000,
            "keepalives_idle": 2,
            "keepalives_interval": 1,
            "keepalives_count": 2,
        }

    def elected_redis(self) -> Machine | None:
        """The one that the other one follows, by their own accounts."""
        with self.network.switch.entered():
            roles = status.roles_of_redis(self.cluster, self.asker)
        written = [number for number, role in roles.items() if role == status.WRITTEN_TO]
        return self.machines[written[0]] if len(written) == 1 else None

    def rewound(self) -> int:
        logs = self.folder.glob("*/log/patroni.log")
        return sum(log.read_text(errors="replace").count("pg_rewind exit code=0") for log in logs)

    def victim(self, of: str) -> Machine:
        """The `primary`'s machine, the `standby`'s, or the one without rows (`vote`)."""
        primary = wait_for(self.primary, what="a primary")
        assert primary is not None
        if of == "primary":
            return primary
        is_standby = of == "standby"
        return next(it for it in self.machines.values() if it is not primary and it.host.has_rows == is_standby)


@contextmanager
def three_hosts(
    folder: Path, disk_mb: int = 0, *, has_clocks: bool = False, shares_cache: bool = False
) -> Iterator[Hosts]:
    """Installed, and off. Raises AssertionError where there can be no namespaces."""
    hosts = Hosts(folder, disk_mb, has_clocks=has_clocks, shares_cache=shares_cache)
    try:
        yield hosts
    finally:
        hosts.close()
