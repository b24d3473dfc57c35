"""What the console says, and which log lines it shows."""

import re
import signal
from collections.abc import Iterable
from pathlib import Path

from bookstore_project.api import internal_paths
from bookstore_project.replication.conf import replication_settings
from bookstore_project.settings import base, modes, topology

ACCESS_LINE = re.compile(
    r"\d\d:\d\d:\d\d\.\d{3} [A-Z]+ /\S* \d{3} "
    r'|\{.*"logger": "bookstore\.request"'
)
"""One request that a node answered, as text or JSON (see nodes.logs)."""
PROBE_LINE = re.compile(rf".*\b(?:(?:GET|HEAD) /(?:readyz|healthz|metrics)\b|POST {internal_paths.PUSH})")
"""A machine that asks how a node is: the console says so itself, in words. Or one that tells a front what changed."""


def is_shown(node: topology.Node, line: str) -> bool:
    """All that a front says; of a replica, whose requests the front has logged, only what is unusual."""
    if not line.strip() or (ACCESS_LINE.match(line) and PROBE_LINE.match(line)):
        return False
    return node.service == topology.FRONT or not ACCESS_LINE.match(line)


def log_line(node: topology.Node, line: str) -> str:
    """The line with the node's name in front; JSON lines carry it already."""
    return line if line.startswith("{") else f"{node.name:<{name_width()}}  {line}"


def node_line(node: topology.Node, state: str, pid: int | None) -> str:
    process = f"pid {pid}" if pid else ""
    return f"  {node.name:<{name_width()}}  {node.address:<{address_width()}}  {state:<8}  {process}".rstrip()


def name_width() -> int:
    return max(len(name) for name in topology.NODES)


def address_width() -> int:
    return max(len(node.address) for node in topology.NODES.values())


def how_it_ended(status: int) -> str:
    """A launcher's exit status in words: its own end, or that of its worker (see launch)."""
    if status < 0:
        return f"killed by {_signal_name(-status)}"
    if status > 128:
        return f"its worker was killed by {_signal_name(status - 128)}"
    return f"exit status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def moved_nodes() -> list[str]:
    """A line for each node that had to leave the shared port, because the machine has one address only."""
    lines = []
    for service, step in (*((service, 10) for service in topology.SERVICES), (topology.FRONT, 100)):
        first, *others = topology.replicas(service)
        for number, other in enumerate(others, start=1):
            if first.host == other.host and other.port == first.port + number * step:
                lines.append(f"{other.name} listens on {other.address}: this machine has no other loopback address.")
    return lines


def experiments() -> list[str]:
    """A line for each setting with which the store doesn't keep its promises."""
    coherence = replication_settings.coherence
    if coherence == modes.FULL:
        return []
    return [f"BOOKSTORE_COHERENCE={coherence} is an experiment: reads may be stale."]


def guide(staff_password: Path) -> Iterable[str]:
    """Where to click and how to log in."""
    front, *others = topology.replicas(topology.FRONT)
    yield f"  Shop      {front.url}/"
    for other in others:
        yield f"            {other.url}/   ({other.name}: the same shop)"
    yield f"  API       {front.url}/api/v1/books/   described at {front.url}/api/docs/"
    yield f"  Cluster   {front.url}/cluster/{'   (staff may break the store there)' * base.IS_BREAKABLE}"
    admins = [node for service in topology.SERVICES for node in topology.replicas(service)]
    for position, node in enumerate(admins):
        yield f"  {'Admin' if position == 0 else '':<8}  {node.url}/admin/   ({node.name})"
    if staff_password.exists():
        yield f"  Staff     user `staff`, password in {short(staff_password)}"
    else:
        yield "  Staff     user `staff`; set its password with: python manage.py changepassword staff"
    yield f"  Logs      {short(topology.LOG_DIR)}/<node>.log"
    yield "  Stop      Ctrl-C"


def short(path: Path) -> str:
    """Relative to the project if it lies within."""
    return str(path.relative_to(topology.ROOT)) if path.is_relative_to(topology.ROOT) else str(path)
