"""The supervisor with nodes that start in a blink: `python -m bookstore_project.cluster.tests.stub_cluster`."""

import contextlib
import sys

from bookstore_project.cluster import lifeline, lock
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.supervisor import Supervisor
from bookstore_project.settings import topology

STUB = (sys.executable, "-m", "bookstore_project.cluster.tests.stub_cluster")


STUB_APP = "bookstore_project.cluster.tests.stub_app:application"


def main() -> None:
    lifeline.watch()
    console = Console()
    with lock.exclusive(topology.DATA) as held:
        nodes = list(topology.NODES.values())
        supervisor = Supervisor(nodes, console=console, arguments=[STUB_APP], is_replaced=held.is_replaced)
        with contextlib.closing(supervisor):
            supervisor.run()
    console.close()


if __name__ == "__main__":
    main()
