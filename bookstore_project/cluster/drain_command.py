"""What `manage.py drain` and `undrain` have in common."""

import getpass
from http import HTTPStatus

from django.core.management.base import CommandError, CommandParser

from bookstore_project.nodes.tool_client import Session
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node

TIMEOUT_S = 2.0


def add_whom(parser: CommandParser) -> None:
    parser.add_argument("node", nargs="?", default="", help="a node, for example catalog-2")
    parser.add_argument("--this-host", action="store_true", help="all nodes that this host runs, its front first")


def whom(name: str, *, is_this_host: bool) -> list[Node]:
    """Raises CommandError, naming the nodes, if there is none of that name, or if nobody or both are asked for."""
    if bool(name) == is_this_host:
        raise CommandError("Name a node, or say --this-host.")
    if is_this_host:
        return sorted(topology.nodes_of_this_host(), key=lambda node: node.service != topology.FRONT)
    if name not in topology.NODES:
        raise CommandError(f"No node is named {name!r}. There are {', '.join(topology.NODES)}.")
    return [topology.NODES[name]]


def is_answering(node: Node) -> bool:
    """Whether the node is ready now, by its own account."""
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
