"""Where the admin of a service is, for staff who stand before a page of the shop."""

from django.conf import settings
from django.http import HttpRequest

from bookstore_project.nodes.balancing.circuit_breaker import State
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from frontend_app.runtime import Front


def admin_of(front: Front, service: str, request: HttpRequest) -> str:
    """Its address, at a replica that answers if one does; empty if this browser couldn't reach it.

    What a setting names counts. Without it, replicas are reached at their own addresses: not where they are to be
    spoken to by HTTPS, and not from another machine where they listen on loopback addresses alone.
    """
    if named := settings.ADMINS[service]:
        return f"{named.rstrip('/')}/"
    node = min(_nodes(front, service), key=lambda each: _is_out(front, each))
    is_reached = not topology.is_loopback(node.host) or _is_here(request)
    return f"{node.url}/admin/" if is_reached and not settings.SECURE_SSL_REDIRECT else ""


def _nodes(front: Front, service: str) -> list[Node]:
    return (front.order if service == topology.ORDER else front.catalog).nodes


def _is_out(front: Front, node: Node) -> bool:
    return front.breakers.of(node).state is State.OPEN or front.drains.is_drained(node)


def _is_here(request: HttpRequest) -> bool:
    """Whether the browser is on this machine, by the name that it has asked for."""
    host, _, port = request.get_host().rpartition(":")
    name = (host if port.isdecimal() and host else request.get_host()).strip("[]")
    return topology.is_loopback(name)
