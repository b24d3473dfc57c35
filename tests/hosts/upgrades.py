"""Code of the store that isn't that of now, for an upgrade of hosts that run."""

import shutil
from pathlib import Path
from subprocess import CompletedProcess

from deploy.hosts import cluster as ports
from deploy.hosts import upgrading
from tests.hosts.hosts import ROOT, Hosts
from tests.hosts.machine import Machine

OLD, NEW = '"status": "ready"', '"status": "renewed"'
"""What each node says of itself by `/readyz`."""
WHERE = "bookstore_project/api/health.py"
LEFT = shutil.ignore_patterns(".*", "var", "__pycache__", "tests", "node_modules")


class StoreOfMachine:
    def __init__(self, machine: Machine, checkout: Path) -> None:
        self._machine, self._checkout = machine, checkout

    def manage(self, *command: str) -> CompletedProcess[str]:
        return self._machine.manage(*command)

    def stop(self) -> None:
        self._machine.stop("store")

    def renew(self) -> None:
        self._machine.renew_store(self._checkout)


def upgrade_all(hosts: Hosts, machine: Machine) -> None:
    """One host after the other, that machine at last. Raises AssertionError if a node still has the old code."""
    checkout = hosts.folder / "new"
    shutil.copytree(ROOT, checkout, ignore=LEFT)
    file = checkout / WHERE
    text = file.read_text()
    assert OLD in text
    file.write_text(text.replace(OLD, NEW))
    told: list[str] = []
    for each in sorted(hosts.machines.values(), key=lambda it: it is machine):
        if each.host.has_rows:
            with hosts.network.switch.entered():
                upgrading.upgrade(each.host, hosts.cluster, hosts.asker, StoreOfMachine(each, checkout), told.append)
                for port in (ports.FRONT, ports.CATALOG, ports.ORDER):
                    said = hosts.asker.ask(each.host.address, port, "/readyz").content
                    assert said["status"] == "renewed", told
