"""An address for customers that moves from one host to the other, as keepalived would move it."""

import http.client
from collections.abc import Iterator
from contextlib import suppress

from tests.hosts.hosts import Hosts
from tests.hosts.network import FLOATING
from tests.hosts.shop import ask
from tests.waiting import wait_for


def lost_on_the_way(hosts: Hosts) -> list[str]:
    """In words, at which hosts it doesn't lead to the shop. It is nobody's afterwards."""
    return list(_lost(hosts))


def _lost(hosts: Hosts) -> Iterator[str]:
    for host in hosts.cluster.with_rows:
        card = hosts.network.cards[host.number]
        card.run("ip", "address", "add", f"{FLOATING}/24", "dev", "eth0")
        try:
            with hosts.network.switch.entered():
                wait_for(_leads_to_shop, what=f"the shop at {FLOATING}, an address that {host.name} has got")
        except AssertionError as error:
            yield str(error)
        card.run("ip", "address", "delete", f"{FLOATING}/24", "dev", "eth0")


def _leads_to_shop() -> bool:
    with suppress(OSError, http.client.HTTPException, ValueError):
        return ask(FLOATING, "GET", "/product/1", None, None).status == http.client.OK
    return False
