"""Faults of the store's files, single and in pairs: chaos's own, at whatever place the store's actors just are."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

from tests.chaos.faults import ALIASES, Fault, Missed, NotHere, Scene, Undo, service_of
from tests.chaos.file_faults import FILE_FAULTS, LOCKED_S
from tests.chaos.injector import Doubt, OldCopies
from tests.chaos.operator import Decision
from tests.chaos.pairs import NOTICED_S, SAME_FILE, Pairs, for_pairs
from tests.databases import SERVICES
from tests.simulation import operator, primitives
from tests.simulation.customers import SimulatedStore
from tests.simulation.link import Message
from tests.simulation.processes import Process
from tests.simulation.simulator import MS, S, Simulator

OF_CHAOS_ALONE = frozenset(("file-edited", "file-locked-whole", "file-read-only", "folder-read-only", "disk-full"))
"""They take another program, a user who isn't root, a disk of its own, or SQLite's own waiting."""
LOCKED = "file-locked"
LOOK_EVERY_NS = 50 * MS
UNDER_FIRE_NS = 2 * S
"""After a pair has passed, other faults go on for so long. Some runs would never let the files recover."""


@dataclass
class Hit:
    """A file that was struck, while nobody has seen that it is well again."""

    alias: str
    nonce: str
    is_silent: bool
    is_damaged: bool
    """Or only locked."""
    began_ns: int

    def after(self, before: "Hit | None") -> Self:
        """If the file isn't well again yet, both have struck it."""
        if before is None or (before.alias, before.nonce) != (self.alias, self.nonce):
            return self
        is_silent, is_damaged = self.is_silent or before.is_silent, self.is_damaged or before.is_damaged
        return replace(self, is_silent=is_silent, is_damaged=is_damaged, began_ns=before.began_ns)


@dataclass
class FileFaults:
    """Strikes files, and sees to it that one of each service is left; of a pair, one that can be had again."""

    simulator: Simulator
    store: SimulatedStore
    calm: Callable[[bool], object]
    """Has all other faults end, or go on."""
    recorders: dict[str, Any]
    """Who writes down the settled log of each service."""
    doubts: list[Doubt] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """Those that weren't spared, by name; a pair by both."""
    held: set[str] = field(default_factory=set)
    """Services whose settled log nobody writes down just now."""

    def __post_init__(self) -> None:
        old = self.store.data.with_name("old")
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir()
        self._scene = Scene(self.store.as_store(), random.Random(0), old, is_bound_by_modes=False)
        self._copies = OldCopies(self._scene)
        self._hits: dict[str, Hit] = {}
        self._seen_through: set[str] = set()
        """Services with whose files an operator is busy."""
        self._holders = 0
        for kind, heard in (("operated", self._operated), ("hold", self._hold), ("cut at", self._cut_at)):
            self.simulator.on_item[kind] = heard
        self.simulator.on_item["held"] = lambda process, item: None
        self._look()

    @property
    def is_at_rest(self) -> bool:
        return not self._seen_through and not self._scene.undo

    @property
    def damaged(self) -> set[str]:
        """Services whose files may not be what the witness says, by no fault of the store's."""
        return self._seen_through | {name for name, hit in self._hits.items() if hit.is_damaged}

    def strike(self, name: str, chance: random.Random) -> str:
        """One of all faults, or that one; what became of it."""
        fault = chance.choice([one for one in faults() if name in ("files", one.name)])
        alias = chance.choice(fault.targets)
        service = service_of(alias)
        hit = self._hits.get(service)
        if hit is not None and hit.alias != alias:
            self.see_through(service)  # It is the last one, whatever the witness says.
        if service in self._seen_through or not self._scene.is_in_sync(service):
            return "spared"
        self.done[fault.name] += 1
        self._do(fault, alias, chance)
        return f"{fault.name} on {alias}"

    def strike_twice(self, chance: random.Random) -> str:
        """The second one comes while the first isn't healed."""
        service = chance.choice(SERVICES)
        first, second = chance.sample([alias for alias in ALIASES if service_of(alias) == service], 2)
        if chance.random() < SAME_FILE:
            second = first
        nobody: Any = None
        pair = Pairs(self._scene, for_pairs(faults()), chance, nobody, nobody, nobody, 1.0).draw(first, second)
        if service in self._hits:
            self.see_through(service)
        if pair is None or service in self._seen_through or not self._scene.is_in_sync(service):
            return "spared"
        self._seen_through.add(service)
        self.done[f"{pair[0].name}+{pair[1].name}"] += 1
        self._do(pair[0], first, chance)
        again = random.Random(chance.getrandbits(64))
        when = chance.choice(("at once", "once it is noticed"))
        until_ns = self.simulator.now_ns + int(NOTICED_S * S) if when != "at once" else 0
        self._strike_again(pair[1], first, second, until_ns, again)
        return f"{pair[0].name} on {first}, and {when} {pair[1].name} on {second}"

    def _strike_again(self, fault: Fault, first: str, second: str, until_ns: int, chance: random.Random) -> None:
        if self.simulator.now_ns < until_ns and self._scene.nonce(first):
            self.simulator.after(LOOK_EVERY_NS, partial(self._strike_again, fault, first, second, until_ns, chance))
            return
        self._do(fault, second, chance)
        self.simulator.note(f"fault {fault.name} on {second}")
        self.simulator.after(int(LOCKED_S * S) + UNDER_FIRE_NS, partial(self._operate, service_of(first)))

    def _do(self, fault: Fault, alias: str, chance: random.Random) -> None:
        self._scene.rng = chance
        nonce = self._scene.nonce(alias)
        try:
            with primitives.dating(self._scene.file(alias).parent, self.simulator.now_ns):
                undo = self._lock(alias) if fault.name == LOCKED else fault.do(self._scene, alias)
        except (Missed, NotHere, OSError):  # There is no such file just now.
            return
        hit = Hit(alias, nonce, fault.is_silent, fault.name != LOCKED, self.simulator.now_ns)
        self._hits[service_of(alias)] = hit.after(self._hits.get(service_of(alias)))
        if undo is not None:
            self._scene.undo.append(undo)
            self.simulator.after(int(chance.uniform(*fault.holds_s) * S), partial(self._take_back, undo))

    def _take_back(self, undo: Undo) -> None:
        if undo in self._scene.undo:
            self._scene.undo.remove(undo)
            undo()

    def _lock(self, alias: str) -> Undo:
        self._holders += 1
        holder = f"holder-{self._holders}"
        self.simulator.start(holder, operator.hold, str(self._scene.file(alias)))
        return lambda: self.simulator.kill(holder)

    # ------------------------------------------------------------------------------------- seen through

    def see_through(self, service: str) -> None:
        """Others faults wait until both files of the service are in sync and sound, with an operator's help."""
        if service not in self._seen_through:
            self._seen_through.add(service)
            self._operate(service)

    def _operate(self, service: str) -> None:
        self.calm(True)
        self._scene.take_back()
        seed = f"{service}/{self.simulator.turns}"
        self.simulator.start(
            f"operator of {service}", operator.see_through, self.store, self._scene.old, seed, service
        )

    def _operated(self, process: Process, item: Message) -> None:
        service, decisions, stuck = item[3:]
        self.simulator.kill(process.name)
        self.decisions += [operator.unpacked(one) for one in decisions]
        self.stuck += stuck
        self._end_hit(service)
        self._seen_through.remove(service)
        if not self._seen_through:
            self.calm(False)

    def _end_hit(self, service: str) -> None:
        hit = self._hits.pop(service, None)
        if hit is not None and hit.is_silent:
            self.doubts.append(Doubt(hit.alias, _seconds(hit.began_ns), _seconds(self.simulator.now_ns)))

    def _look(self) -> None:
        """Keeps a copy of each file that is new, and notices which ones are well again."""
        self._copies.keep()
        for service, hit in list(self._hits.items()):
            if self._scene.nonce(hit.alias) not in (hit.nonce, ""):
                self._end_hit(service)
        self.simulator.after(LOOK_EVERY_NS, self._look)

    # ------------------------------------------------------------------------------------- the settled log

    def _hold(self, process: Process, item: Message) -> None:
        service, is_held = item[3:]
        (self.held.add if is_held else self.held.discard)(service)
        _reply(process, item)

    def _cut_at(self, process: Process, item: Message) -> None:
        service, position = item[3:]
        with self.recorders[service].held() as cut_at:
            cut_at(position)
        _reply(process, item)


def _reply(process: Process, item: Message) -> None:
    process.bring(("reply", item[1], (), item[2]), item[2])


def _seconds(at_ns: int) -> float:
    """By the simulated monotonic clock."""
    return (at_ns - primitives.EPOCH_NS) / 1e9


def faults() -> list[Fault]:
    """Those that can befall a simulated store's files."""
    return [fault for fault in FILE_FAULTS if fault.name not in OF_CHAOS_ALONE]


def names() -> Sequence[str]:
    return [fault.name for fault in faults()]
