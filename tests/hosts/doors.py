"""Who is let in where: strangers by no port but the shop's, and staff of a machine by its loopback address."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial

from deploy.hosts import cluster as ports
from tests.hosts.hosts import Hosts
from tests.waiting import PATIENCE_S, wait_for

SHUT = (ports.FRONT, ports.CATALOG, ports.ORDER, ports.PATRONI, ports.ETCD)
"""Where HTTP would be spoken."""
ADMINS = (ports.CATALOG, ports.ORDER)
TIMEOUT_S = 5.0


def wrong_doors(hosts: Hosts) -> list[str]:
    """In words: those that stand open, and those that staff finds shut."""
    return [*_open_to_strangers(hosts), *_shut_to_staff(hosts)]


def _open_to_strangers(hosts: Hosts) -> Iterator[str]:
    """They have no certificate, and don't ask for one either."""
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with hosts.network.switch.entered():
        for host in hosts.cluster.with_rows:
            for port in SHUT:
                plain = http.client.HTTPConnection(host.address, port, timeout=PATIENCE_S)
                for kind, connection in (
                    ("plain HTTP", plain),
                    ("TLS without a certificate", _encrypted(host.address, port, blind)),
                ):
                    if status := _status(connection, "/healthz"):
                        yield f"{host.name} answers {status} on port {port} by {kind}"


def _shut_to_staff(hosts: Hosts) -> Iterator[str]:
    for host in hosts.cluster.with_rows:
        with hosts.network.cards[host.number].entered():
            for port in ADMINS:
                try:
                    wait_for(partial(_lets_staff_in, port), what=f"the admin on port {port} of {host.name}")
                except AssertionError as error:
                    yield str(error)


def _lets_staff_in(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    return _status(connection, "/admin/login/") == http.client.OK


def _encrypted(address: str, port: int, context: ssl.SSLContext) -> http.client.HTTPConnection:
    """Who is only slow isn't shut."""
    return http.client.HTTPSConnection(address, port, timeout=PATIENCE_S, context=context)


def _status(connection: http.client.HTTPConnection, path: str) -> int:
    """Of the answer; 0 if there is none."""
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status
    return 0
