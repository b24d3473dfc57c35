"""The two servers of a run, and who watches over them: what is promoted, when, and who follows."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.simulation.link import Message
from tests.simulation.processes import Process
from tests.simulation.server import duties, preparing
from tests.simulation.server.replication import ADDRESSES
from tests.simulation.simulator import MAIN, MS, S, Simulator

PROMOTED_NS = (200 * MS, 2 * S)
"""After which time at most the standby takes over."""
BACK_NS = 2 * S
"""How long a server that was lost stays away, at most."""


def name_of(number: int) -> str:
    return f"server-{number}"


def client_name(process: Process) -> str:
    """As the process names itself to a server."""
    return f"{process.name}/{process.number}"


class Hosts:
    """Of one run's store."""

    def __init__(self, simulator: Simulator, data: Path) -> None:
        self._simulator, self._data = simulator, data
        self.primary = 1
        self.has_standby = False
        """Whether the standby has all that the primary has told anybody: only that one may take over."""
        self._is_changing = False
        for number, address in enumerate(ADDRESSES, 1):
            simulator.addresses[address] = name_of(number)
        simulator.on_item["streams"] = self._streams

    @property
    def standby(self) -> int:
        return 3 - self.primary

    @property
    def is_whole(self) -> bool:
        return self.has_standby and not self._is_changing and self._process(self.primary).is_alive

    def start(self) -> None:
        for number in preparing.SERVERS:
            self._start(number)

    def hears_of_end(self, client: Process, delay_ns: int) -> None:
        """A client's process is gone: its connections are closed by its kernel."""
        for number in preparing.SERVERS:
            self._simulator.after(delay_ns, partial(self._bring, number, ("gone", client_name(client))))

    # --------------------------------------------------------------------------------------------- faults

    def take_over(self, chance: random.Random) -> str:
        """The primary is lost, or stopped, or cut off from its standby, which is promoted."""
        if not self.is_whole:
            return "spared"
        way, old = chance.choice(("killed", "stopped", "cut off")), name_of(self.primary)
        self._is_changing, self.has_standby = True, False
        if way == "killed":
            self._simulator.kill(old)
        elif way == "stopped":
            self._simulator.stop(old)
        else:
            other = name_of(self.standby)
            self._simulator.network.cut |= {(old, other), (other, old)}
        delay_ns, back_ns = int(chance.random() * chance.choice(PROMOTED_NS)), int(chance.random() * BACK_NS)
        lasts_ns = int(chance.random() * BACK_NS)
        self._simulator.after(delay_ns, partial(self._promote, lasts_ns, back_ns))
        return f"{old} is {way}"

    def lose_standby(self, chance: random.Random) -> str:
        if not self.is_whole:
            return "spared"
        self._is_changing, self.has_standby = True, False
        self._simulator.kill(name_of(self.standby))
        self._simulator.after(int(chance.random() * BACK_NS), self._rebuild)
        return name_of(self.standby)

    def restart(self, chance: random.Random) -> str:
        """The primary is killed, and comes back as the primary."""
        if not self.is_whole:
            return "spared"
        self._is_changing = True
        self._simulator.kill(name_of(self.primary))
        self._simulator.after(int(chance.random() * BACK_NS), self._come_back)
        return name_of(self.primary)

    def end_sessions(self, chance: random.Random, nodes: list[str]) -> str:
        """Of one node: also while it waits for an answer."""
        node = chance.choice(nodes)
        self._bring(self.primary, ("end", client_name(self._simulator.processes[node])))
        return node

    # ------------------------------------------------------------------------------------------ what follows

    def _promote(self, lasts_ns: int, back_ns: int) -> None:
        """The old one goes on for a while, if it lives, as if it were the primary still."""
        self._bring(self.standby, ("promote",))
        self.primary = self.standby
        self._simulator.note(f"{name_of(self.primary)} is the primary")
        self._simulator.after(lasts_ns, partial(self._demote, back_ns))

    def _demote(self, back_ns: int) -> None:
        old, new = name_of(self.standby), name_of(self.primary)
        self._simulator.go_on_living(old)
        self._simulator.after(int(0.3 * S), partial(self._simulator.kill, old))
        self._simulator.after(int(0.3 * S) + back_ns, self._rebuild)
        self._simulator.network.cut -= {(old, new), (new, old)}

    def _rebuild(self) -> None:
        self._simulator.kill(name_of(self.standby))
        preparing.copy(self._data, self.primary, self.standby)
        self._start(self.standby)
        self._is_changing = False

    def _come_back(self) -> None:
        self._start(self.primary)
        self._is_changing = False

    def _start(self, number: int) -> None:
        self._simulator.start(name_of(number), duties.serve, self._data, number, number == self.primary)

    def _streams(self, process: Process, item: Message) -> None:
        if item[1] == self.standby and not self._is_changing:
            self.has_standby = True

    def _process(self, number: int) -> Process:
        return self._simulator.processes[name_of(number)]

    def _bring(self, number: int, item: Message) -> None:
        process = self._simulator.processes.get(name_of(number))
        if process is not None and process.is_alive:
            process.bring(item, MAIN)


STRIKES: dict[str, Callable[[Hosts, random.Random], str]] = {
    "takeover": Hosts.take_over,
    "standby": Hosts.lose_standby,
    "restart": Hosts.restart,
}
