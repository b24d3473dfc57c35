"""What a run begins with: a store that is ready to sell from, always the same one."""

from dataclasses import replace
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.base import identity_of
from bookstore_project.replication.sqlite_pair.membership.witness import create_witness, read_witness
from tests.databases import SERVICES
from tests.simulation import duties
from tests.simulation.link import Message
from tests.simulation.simulator import Simulator


def prepare(data: Path) -> None:
    """Makes a store that is ready to sell from, always the same one."""
    simulator = Simulator("prepare")
    process = simulator.start("prepare", duties.prepare)
    over: list[Message] = []
    simulator.on_item["prepared"] = lambda process, item: over.append(item)
    try:
        simulator.run_until(lambda: bool(over))
    finally:
        process.kill()


def acquaint() -> None:
    """Has the witnesses know the files in the data folder, which are copies of those that they knew."""
    for name in SERVICES:
        service = get_service(name)
        duties.forget_witnesses()
        known = read_witness(service.witness_file)
        records = {
            alias: replace(
                record, identity=identity_of(str(replication_settings.files[alias])), written_ns=None, wal=""
            )
            for alias, record in known.files.items()
        }
        create_witness(service.witness_file, replace(known, files=records))
    duties.forget_witnesses()
