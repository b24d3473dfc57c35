"""Who is who: the only place that names nodes, addresses, database aliases and files."""

import ipaddress
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.settings import environment, tls

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(environment.text("DATA", str(ROOT / "var"))).resolve()

DATABASE_URL = environment.text("DATABASE_URL")
"""Of the PostgreSQL server on which services keep their rows; empty: in two SQLite files each."""

CATALOG, ORDER, FRONT = "catalog", "order", "front"
ACCOUNTS = "default"
"""The database alias of staff accounts and sessions: outside replication, untouched by public requests."""

FRONT_PORT = 8000
MOST_FRONTS = 9
"""That can be asked for by their number; a list of addresses may be longer."""

SERVICES = (CATALOG, ORDER)
"""Those that are replicated. Which apps are theirs stands in the setting REPLICATION."""


@dataclass(frozen=True)
class Node:
    """One process of the store, with the address it listens on."""

    name: str
    service: str
    host: str
    port: int
    threads: int

    @property
    def name_of_host(self) -> str:
        """As URLs and Host headers have it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def address(self) -> str:
        return f"{self.name_of_host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{tls.SCHEME}://{self.address}"

    @property
    def pid_file(self) -> Path:
        """Holds the pid of the process that answers."""
        return RUN_DIR / f"{self.name}.pid"


RUN_DIR = DATA / "run"
SECRET_KEY_FILE = Path(environment.text("SECRET_KEY_FILE", str(DATA / "secret-key")))
SERVICE_TOKEN_FILE = Path(environment.text("SERVICE_TOKEN_FILE", str(DATA / "service-token")))
STAFF_PASSWORD_FILE = DATA / "staff-password"
LOG_DIR = DATA / "log"
STATIC_DIR = Path(environment.text("STATIC", str(DATA / "static")))
DRAINED_DIR = DATA / "drained"
"""A file named after each replica that staff has drained."""


def has_address(host: str) -> bool:
    """Whether this machine can listen on that address (macOS has no 127.0.0.2 unless told)."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def is_on_loopback() -> bool:
    """Whether all nodes listen where only this machine comes in."""
    return all(is_loopback(node.host) for node in NODES.values())


def is_loopback(host: str) -> bool:
    """Whether only this machine comes in there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_address(variable: str, text: str) -> tuple[str, int]:
    """`127.0.0.1:8001` → ("127.0.0.1", 8001); raises ImproperlyConfigured naming the variable."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ImproperlyConfigured(f"BOOKSTORE_{variable}: {text!r} is not HOST:PORT.")
    return host.strip("[]"), int(port)


def _replica_addresses(service: str, shared_port: int) -> list[tuple[str, int]]:
    """Where the two replicas of a service listen: own addresses, one port, unless told otherwise."""
    variable = service.upper()
    if given := environment.words(variable):
        if len(given) != 2:
            raise ImproperlyConfigured(f"BOOKSTORE_{variable} names two addresses, HOST:PORT,HOST:PORT.")
        return [parse_address(variable, item) for item in given]
    hosts = environment.words("HOSTS", "127.0.0.1,127.0.0.2")
    if len(hosts) != 2:
        raise ImproperlyConfigured("BOOKSTORE_HOSTS names two addresses, one for each replica.")
    first, second = hosts
    if first == second or (not environment.text("HOST") and not has_address(second)):
        return [(first, shared_port), (first, shared_port + 10)]
    return [(first, shared_port), (second, shared_port)]


def _front_addresses() -> list[tuple[str, int]]:
    """BOOKSTORE_FRONTS: a list of addresses, or how many fronts: own addresses, one port, as with replicas."""
    given = environment.text("FRONTS", "1")
    if ":" in given:
        return [parse_address("FRONTS", item) for item in environment.words("FRONTS")]
    if not given.isdecimal() or not 1 <= int(given) <= MOST_FRONTS:
        raise ImproperlyConfigured(
            f"BOOKSTORE_FRONTS={given!r}: expected addresses, HOST:PORT, or how many fronts, 1 to {MOST_FRONTS}."
        )
    hosts = [f"127.0.0.{number}" for number in range(1, int(given) + 1)]
    if all(has_address(host) for host in hosts):
        return [(host, FRONT_PORT) for host in hosts]
    return [(hosts[0], FRONT_PORT + 100 * number) for number in range(len(hosts))]


def _nodes() -> dict[str, Node]:
    nodes: list[Node] = []
    for number, address in enumerate(_front_addresses(), start=1):
        nodes.append(Node(FRONT if number == 1 else f"{FRONT}-{number}", FRONT, *address, threads=32))
    for service, port, threads in ((CATALOG, 8001, 16), (ORDER, 8002, max(8, 4 * len(nodes)))):
        for number, (host, own_port) in enumerate(_replica_addresses(service, port), start=1):
            nodes.append(Node(f"{service}-{number}", service, host, own_port, threads))
    taken: dict[tuple[str, int], str] = {}
    for node in nodes:
        other = taken.setdefault((node.host, node.port), node.name)
        if other != node.name:
            raise ImproperlyConfigured(f"{other} and {node.name} are both to listen on {node.address}.")
    return {node.name: node for node in nodes}


NODES = _nodes()
PURCHASE_CALLS_OF_A_FRONT = max(2, 4 // sum(node.service == FRONT for node in NODES.values()))
"""To order replicas, at once, each with all purchases that wait.

All fronts together take half of an order replica's threads: reads, polls and checks find one.
"""


def nodes_of_this_host() -> list[Node]:
    """Those that this machine runs: all, or with BOOKSTORE_HOST those that listen on that one of BOOKSTORE_HOSTS."""
    given = environment.text("HOST")
    if not given:
        return list(NODES.values())
    hosts = environment.words("HOSTS")
    if given not in [str(number) for number in range(1, len(hosts) + 1)]:
        raise ImproperlyConfigured(f"BOOKSTORE_HOST={given!r}: expected 1 or 2, the place in BOOKSTORE_HOSTS.")
    if not DATABASE_URL:
        raise ImproperlyConfigured("BOOKSTORE_HOST needs BOOKSTORE_DATABASE_URL: two files lie on one machine.")
    return [node for node in NODES.values() if node.host == hosts[int(given) - 1]]


def names_of_hosts() -> list[str]:
    """By which nodes call one another."""
    return sorted({node.name_of_host for node in NODES.values()})


def replicas(service: str) -> list[Node]:
    return [node for node in NODES.values() if node.service == service]


def urls(service: str) -> dict[str, str]:
    """Of the replicas, by their names."""
    return {node.name: node.url for node in replicas(service)}


def database_aliases(service: str) -> list[str]:
    """A replica's database alias is its node's name; the order is fixed."""
    return [node.name for node in replicas(service)]


@cache
def database_file(alias: str) -> Path:
    if alias == ACCOUNTS:
        return DATA / "accounts.sqlite3"
    return DATA / alias / f"{NODES[alias].service}.sqlite3"


@cache
def witness_file(service: str) -> Path:
    return DATA / "witness" / f"{service}.json"


@cache
def lock_dir(service: str) -> Path:
    return DATA / "locks" / service


def current_node() -> Node | None:
    """The node that BOOKSTORE_NODE names; None without one (management commands)."""
    name = environment.text("NODE")
    if not name:
        return None
    if name not in NODES:
        raise ImproperlyConfigured(f"BOOKSTORE_NODE={name!r}: no such node. There are {', '.join(NODES)}.")
    return NODES[name]


NODE = current_node()
