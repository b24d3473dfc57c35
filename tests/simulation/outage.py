"""A power cut: all that runs on the machine ends at once, its disk keeps what was synced, and it starts again."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import disk, duties, power, primitives, zygotes
from tests.simulation.link import Message
from tests.simulation.processes import Process
from tests.simulation.simulator import MS, S, Simulator

OFF_NS = (50 * MS, 500 * MS, 3 * S)
"""For how long the machine is off: of each cut, one of these."""
FULL_NS = 3 * S
"""How long a disk is full, at most."""


@dataclass
class Outage:
    """The machine's, all nodes of which run on it. Its customers don't."""

    simulator: Simulator
    nodes: list[str]
    data: Path
    failed: list[str] = field(default_factory=list)
    """Why the store didn't start again."""
    is_off: bool = False
    cuts: int = 0

    def __post_init__(self) -> None:
        self.simulator.on_item["booted"] = self._booted

    def strike(self, chance: random.Random) -> list[str]:
        """What was lost, for people."""
        self.is_off = True
        for name in self.nodes:
            self.simulator.kill(name)
        self.cuts += 1
        told = power.cut(self.data, disk.notes(), chance)
        duties.forget_witnesses()  # Here, too: one may be older now than what was read of it.
        self.simulator.after(chance.choice(OFF_NS), self._boot)
        return told

    def fill(self, chance: random.Random) -> str:
        """One replica's disk is full for a while."""
        alias = chance.choice(disk.ALIASES)
        disk.fill(alias)
        self.simulator.after(int(chance.random() * FULL_NS), self.make_room)
        return alias

    def make_room(self) -> None:
        disk.fill(None)

    def _boot(self) -> None:
        primitives.set_booted(self.simulator.now_ns)
        self.simulator.start_node(zygotes.BOOT)

    def _booted(self, process: Process, item: Message) -> None:
        self.simulator.kill(process.name)
        if item[3]:
            self.failed.append(item[3])
        self.is_off = False
        for name in self.nodes:
            self.simulator.start_node(name)
