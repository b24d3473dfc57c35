"""What `manage.py drain` and `undrain` have in common."""

import asyncio
import getpass

from django.core.management.base import CommandError

from bookstore_project.cluster.readiness import why_not_ready
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node


def replica_named(name: str) -> Node:
    """Raises CommandError, naming the replicas, if there is none of that name."""
    replicas = {node.name: node for node in topology.NODES.values() if node.service != topology.FRONT}
    if name not in replicas:
        raise CommandError(f"No replica is named {name!r}. There are {', '.join(replicas)}.")
    return replicas[name]


def is_answering(node: Node) -> bool:
    """Whether the replica is ready now, by its own account."""
    return not asyncio.run(why_not_ready(node))


def who() -> str:
    """The user of this machine who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A user without a name.
        return "an operator"
