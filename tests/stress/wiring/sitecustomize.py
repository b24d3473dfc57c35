"""Leads a node's calls to other actors through the harness's network.

Python imports this by itself before anything else (docs of the module `site`), because the folder is on PYTHONPATH.
The store's code and settings are what they always are: a node calls the address that it knows of the other, and the
look-up of that address says where the wire to it begins. Each node has wires of its own; which one a process is, may
be known only later, as nodes are forked from one that is none.
"""

import json
import os
import socket
from typing import Any

VARIABLE = "STRESS_ROUTES"
"""For each node, for the address of each actor that it calls, where to connect to instead: JSON."""

_routes: dict[str, dict[str, str]] = json.loads(os.environ.get(VARIABLE, "{}"))
_look_up = socket.getaddrinfo


def _look_up_the_wire(host: Any, port: Any, *args: Any, **options: Any) -> Any:
    if route := _routes.get(os.environ.get("BOOKSTORE_NODE", ""), {}).get(f"{host}:{port}"):
        host, _, port = route.partition(":")
    return _look_up(host, port, *args, **options)


if _routes:
    socket.getaddrinfo = _look_up_the_wire
