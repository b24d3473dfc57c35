"""The supervisor with nodes that start in a blink: `python -m bookstore_project.cluster.tests.stub_cluster`."""

import sys
from collections.abc import Sequence

from bookstore_project.cluster import lifeline, lock
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.supervisor import Supervisor, launch_command
from bookstore_project.settings import topology

STUB = (sys.executable, "-m", "bookstore_project.cluster.tests.stub_cluster")


def stub_command(node: topology.Node) -> Sequence[str]:
    return [*launch_command(node), "bookstore_project.cluster.tests.stub_app:application"]


def main() -> None:
    lifeline.watch()
    console = Console()
    with lock.exclusive(topology.DATA) as held:
        nodes = list(topology.NODES.values())
        Supervisor(nodes, console=console, command=stub_command, is_replaced=held.is_replaced).run()
    console.close()


if __name__ == "__main__":
    main()
