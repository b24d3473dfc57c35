"""Faults one after another, at random: mostly the next one when the store has recovered, sometimes before."""

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from bookstore_project import sqlite_files
from tests.chaos.faults import ALIASES, Fault, Missed, NotHere, Scene, Struck, service_of
from tests.chaos.pairs import Pairs
from tests.databases import SERVICES

HURRY = 0.15
"""How often the next fault doesn't wait until the store has recovered."""
NOTICED_S = 4.0
RECOVERED_S = 30.0
"""After this long the operator is called."""
HELPED_S = 60.0


@dataclass(frozen=True)
class Doubt:
    """While it lasts, what reads of that file show isn't judged."""

    alias: str
    begin: float
    end: float


@dataclass
class Injector:
    """What it did is told by its fields."""

    scene: Scene
    faults: Sequence[Fault]
    rng: random.Random
    say: Callable[[str], None]
    scrub: Callable[[str], bool]
    pairs: Pairs
    """Who strikes twice, now and then."""
    done: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    struck: list[Struck] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Where the store refused for long, and what the operator did."""
    stuck: list[str] = field(default_factory=list)
    """Where nothing helped."""
    _hurried: dict[str, tuple[Fault, str, str]] = field(default_factory=dict)
    """The fault of each service's files that came last, if it hasn't been seen through."""

    def __post_init__(self) -> None:
        self._copies = OldCopies(self.scene)

    def run(self, until: float) -> None:
        """Injects until that moment; afterwards nothing of it is left to be taken back."""
        self._copies.keep()
        while time.monotonic() < until and not self.stuck:
            if self.pairs.faults and self.rng.random() < self.pairs.share:
                self._strike_twice()
                continue
            usable = [fault for fault in self.faults if fault.name not in self.skipped]
            if usable:
                self._inject(self.rng.choices(usable, [fault.weight for fault in usable])[0], until)
            time.sleep(self.rng.uniform(0.1, 0.6))
        self.scene.take_back()

    def _inject(self, fault: Fault, until: float) -> None:
        target = self.rng.choice(fault.targets)
        if target in ALIASES and not self.scene.is_in_sync(service_of(target)):
            # The other one may be the last: what both lose, nobody can bring back.
            self.scene.take_back()
            self.recover()
            return
        last = self._hurried.get(service_of(target))
        if fault.group == "file" and last is not None and last[1] != target:
            # The other file has been hit and may not be out yet: this one is the last, whatever the witness says.
            self.scene.take_back()
            self._see_through(*last)
        self.say(f"{fault.name} on {target}")
        before = self.scene.nonce(target)
        began = time.monotonic()
        try:
            undo = fault.do(self.scene, target)
        except NotHere as error:
            self.skipped[fault.name] = str(error)
            return
        except (Missed, OSError) as error:  # A file that is just being replaced, by the store or by another fault.
            self.say(f"  missed: {error}")
            return
        self.done[fault.name] += 1
        if undo is not None:
            self.scene.undo.append(undo)
            time.sleep(min(self.rng.uniform(*fault.holds_s), max(until - began, 0)))
        self.struck.append(Struck(f"{fault.name} on {target}", began, time.monotonic()))
        if fault.group == "file":
            self._hurried[service_of(target)] = fault, target, before
        if self.rng.random() > HURRY or fault.is_hidden:
            self.scene.take_back()
            self._see_through(fault, target, before)
        if fault.is_silent:
            self.doubts.append(Doubt(target, began, time.monotonic()))

    def _strike_twice(self) -> None:
        """A pair, beginning and ending with everything in sync."""
        self.scene.take_back()
        for last in list(self._hurried.values()):  # A file that was hit and isn't out yet would be a third one.
            self._see_through(*last)
        self.recover()
        if not self.stuck:
            began, before = time.monotonic(), len(self.pairs.drawn)
            self.pairs.strike()
            # With all that comes of it: the operator is called only when the store has had its time.
            self.struck += [Struck(pair, began, time.monotonic()) for pair in self.pairs.drawn[before:]]
            self.scene.take_back()
            self.recover()
            self.stuck += self.pairs.operator.stuck

    def _see_through(self, fault: Fault, target: str, nonce: str) -> None:
        """Returns when the store has noticed the fault, or there was nothing to notice, and has recovered."""
        if fault.group == "file" and not any(fault.holds_s):
            deadline = time.monotonic() + (0.5 if fault.is_hidden else NOTICED_S)
            # Of this file: the other one may be taken out and let in meanwhile, for an older fault.
            while self.scene.nonce(target) == nonce and time.monotonic() < deadline:
                time.sleep(0.02)
            if self.scene.nonce(target) == nonce:
                # A scrub alone finds it, or there is nothing to find.
                self.scrub(service_of(target))
        self.recover()
        self._hurried.pop(service_of(target), None)

    def recover(self) -> None:
        """Returns when everything is in sync, if need be with the help of an operator."""
        if self.is_healed(RECOVERED_S):
            self._copies.keep()
            return
        self.scene.take_back()
        if self.is_healed(2.0):
            return
        status = self.scene.store.manage("replication", "status").stdout
        self.refused.append(status)
        self.say(f"the operator is called:\n{status}")
        for command in ("repair",):
            self.scene.store.manage("replication", command)
        if not self.is_healed(HELPED_S):
            self.stuck.append(self.scene.store.manage("replication", "status").stdout)

    def is_healed(self, seconds: float) -> bool:
        """Whether everything is in sync, or will be within that time."""
        deadline = time.monotonic() + seconds
        while not self.scene.all_in_sync():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


class OldCopies:
    """One of each incarnation of each file: whoever comes back as it has the right papers."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._nonces: dict[str, str] = {}

    def keep(self) -> None:
        """Of those files that are in sync, and have none yet."""
        for service in SERVICES:
            witness = self._scene.witness(service)
            if witness is None:
                continue
            for alias in witness.in_sync:
                nonce = witness.files[alias].nonce
                if self._nonces.get(alias) != nonce and _copy(self._scene, alias):
                    self._nonces[alias] = nonce


def _copy(scene: Scene, alias: str) -> bool:
    """A copy that holds all that is committed; whether there is one."""
    draft = scene.old / f"{alias}.draft"
    draft.unlink(missing_ok=True)
    try:
        with (
            sqlite_files.opened(scene.file(alias)) as source,
            closing(sqlite3.connect(draft)) as copy,
        ):
            source.execute("SELECT count(*) FROM sqlite_master")  # `backup` would wait for a lock for ever.
            source.backup(copy)
    except sqlite3.Error:
        return False
    shutil.move(draft, scene.old / alias)
    return True
