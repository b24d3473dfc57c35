"""Which hosts there are, and where the parts of each listen."""

import ipaddress
from dataclasses import dataclass

WITH_ROWS = 2
"""So many hosts keep rows and run nodes of the store; the third one only votes."""
ETCD, ETCD_PEERS, POSTGRESQL, PATRONI, REDIS, SENTINEL = 2379, 2380, 5432, 8008, 6379, 26379
FRONT, CATALOG, ORDER, SHOP = 8000, 8001, 8002, 80


class Refused(Exception):
    """What was asked for can't be done; the text says what can."""


@dataclass(frozen=True)
class Host:
    """One machine; numbers begin with 1."""

    number: int
    address: str

    @property
    def name(self) -> str:
        return f"host{self.number}"

    @property
    def has_rows(self) -> bool:
        """Whether it has a PostgreSQL, a Redis and nodes of the store; otherwise it has a vote only."""
        return self.number <= WITH_ROWS


@dataclass(frozen=True)
class Cluster:
    hosts: tuple[Host, ...]

    @property
    def with_rows(self) -> tuple[Host, ...]:
        return self.hosts[:WITH_ROWS]

    def nearest_first(self, host: Host) -> tuple[Host, ...]:
        """The hosts with rows, that one before: once the other one is lost, nobody asks there first."""
        return tuple(sorted(self.with_rows, key=lambda other: other != host))

    @property
    def addresses(self) -> str:
        return ",".join(host.address for host in self.hosts)

    def host(self, number: int) -> Host:
        """Raises Refused for a number that no host has."""
        if not 1 <= number <= len(self.hosts):
            raise Refused(f"HOST={number}: expected 1, 2 or 3, the place of this host in HOSTS.")
        return self.hosts[number - 1]

    def others(self, host: Host) -> tuple[Host, ...]:
        return tuple(other for other in self.hosts if other != host)


def parse_hosts(text: str) -> Cluster:
    """`192.0.2.1,192.0.2.2,192.0.2.3` → the three of them; raises Refused for anything else."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    try:
        addresses = [ipaddress.IPv4Address(word) for word in words]
    except ValueError:
        addresses = []
    if len(set(addresses)) != 3 or len(addresses) != 3:
        raise Refused(
            f"HOSTS={text!r}: expected three different IPv4 addresses, such as 192.0.2.1,192.0.2.2,192.0.2.3."
        )
    if unfit := [str(each) for each in addresses if each.is_unspecified or each.is_multicast or each.is_loopback]:
        raise Refused(f"HOSTS: {', '.join(unfit)} is no address at which the other hosts find a machine.")
    return Cluster(tuple(Host(number, str(each)) for number, each in enumerate(addresses, start=1)))
