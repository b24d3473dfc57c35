"""Whose address a request comes from, as far as that can be believed."""

import ipaddress
from functools import cache
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST = 64
"""Characters of what is no address at all."""


def client_address(request: Any) -> str:
    """The peer's address; where that is one of `settings.PROXIES`, the last in X-Forwarded-For that is none of them.

    An IPv6 address stands for its network of 64 bits, which one client has all of. Empty without a request.
    """
    if request is None:
        return ""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = [peer]
    if settings.PROXIES:
        told = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        hops = [*filter(str.strip, told), peer]
    while len(hops) > 1 and _is_proxy(hops[-1]):
        hops.pop()
    return _canonical(hops[-1])


def _is_proxy(text: str) -> bool:
    address = _parsed(text)
    return address is not None and any(address in network for network in _networks(tuple(settings.PROXIES)))


@cache
def _networks(proxies: tuple[str, ...]) -> list[Network]:
    return [ipaddress.ip_network(text, strict=False) for text in proxies]


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _canonical(text: str) -> str:
    address = _parsed(text)
    if address is None:
        return text.strip()[:LONGEST]
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
