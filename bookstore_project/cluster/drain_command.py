"""What `manage.py drain` and `undrain` have in common."""

import getpass
from http import HTTPStatus

from django.core.management.base import CommandError

from bookstore_project.nodes.tool_client import Session
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node

TIMEOUT_S = 2.0


def replica_named(name: str) -> Node:
    """Raises CommandError, naming the replicas, if there is none of that name."""
    replicas = {node.name: node for node in topology.NODES.values() if node.service != topology.FRONT}
    if name not in replicas:
        raise CommandError(f"No replica is named {name!r}. There are {', '.join(replicas)}.")
    return replicas[name]


def is_answering(node: Node) -> bool:
    """Whether the replica is ready now, by its own account."""
    try:
        with Session(node.address, timeout_s=TIMEOUT_S) as session:
            return session.get("/readyz").status == HTTPStatus.OK
    except OSError:
        return False


def current_user() -> str:
    """The user of this machine who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A user without a name.
        return "an operator"
