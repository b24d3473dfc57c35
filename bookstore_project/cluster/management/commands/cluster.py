"""`manage.py cluster`: the whole store on one console."""

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from bookstore_project.cluster import display, early, lifeline, lock, ports, preparation
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.process import read_pid
from bookstore_project.cluster.supervisor import STOP_SIGNALS, Supervisor
from bookstore_project.settings import topology


class Command(BaseCommand):
    help = "Prepares the store, runs all its nodes, restarts what dies, and stops all on Ctrl-C."
    requires_system_checks = []  # The nodes are what counts, and they start sooner without.

    def handle(self, *args: Any, **options: Any) -> None:
        early.end()
        lifeline.watch()
        os.umask(early.UMASK)
        sys.stdout.flush()
        for number in STOP_SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _stop_early)
        preparation.make_folders()
        console = Console()
        try:
            with lock.exclusive(topology.DATA) as held:
                self._run(console, held)
        except lock.HeldElsewhere as held:
            raise CommandError(
                f"The store already runs on {display.short(topology.DATA)} (supervisor: process {held.holder}). "
                "Stop it first, or give this one its own BOOKSTORE_DATA and addresses."
            ) from None
        finally:
            early.close()
            console.close()
        # All is done; an interpreter that takes itself down keeps whoever waits, on a busy machine for a second.
        connections.close_all()
        sys.stdout.flush()
        os._exit(0)

    def _run(self, console: Console, held: lock.FolderLock) -> None:
        nodes = topology.nodes_of_this_host()
        ours = {read_pid(node.pid_file) for node in nodes}
        if busy := ports.await_free(nodes, is_ours=ours.__contains__):
            raise CommandError("\n".join(["Nothing was started:", *(f"  {item}" for item in busy)]))
        console.line(console.paint("Bookstore", "bold") + f"  data in {display.short(topology.DATA)}")
        for line in [*display.moved_nodes(), *display.experiments()]:
            console.line(line)
        supervisor = Supervisor(nodes, console=console, is_replaced=held.is_replaced)
        with contextlib.closing(supervisor):
            preparation.prepare(console.line)
            for node in nodes:
                console.line(display.node_line(node, "starting", None))
            supervisor.run()


def _stop_early(number: int, frame: FrameType | None) -> None:
    """While the store is being prepared a signal simply ends the command: the next run finishes the work."""
    raise SystemExit(0)
