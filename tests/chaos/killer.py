"""Kills processes all the time, whatever else is going on."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.faults import Scene, Struck
from tests.chaos.process_faults import KILL_DIRECT, KILL_NODE, NODES, kill_node
from tests.store import ROOT, Store
from tests.waiting import PATIENCE_S


class Direct:
    """The processes that go straight to the files, as the one process that looks after them."""

    def __init__(self, store: Store, folder: Path, seed: str, longest_pause_s: float, *, is_doomed: bool) -> None:
        with (folder / "direct.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.chaos.direct", str(folder), seed, str(longest_pause_s)),
                    *(["doomed"] if is_doomed else []),
                ],
                cwd=ROOT,
                env=store.environment,
                stdin=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill_one(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("kill\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Returns when none of them is left."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        """The same, in a hurry; they end with the one that looks after them."""
        self._process.kill()
        self._process.wait()


class Killer(threading.Thread):
    """Kills a node or a direct process every `every_s` seconds or so, until it is told to end."""

    def __init__(
        self,
        scene: Scene,
        direct: Direct | None,
        seed: str,
        kinds: list[str],
        every_s: float,
        nodes: Sequence[str] = NODES,
    ) -> None:
        super().__init__(daemon=True, name="killer")
        self._scene, self._direct, self._kinds, self._every_s = scene, direct, kinds, every_s
        self._nodes = nodes
        self._rng = random.Random(f"{seed}/killer")
        self._ended = threading.Event()
        self.struck: list[Struck] = []
        """Nodes that were killed."""
        self.kills = dict.fromkeys((KILL_NODE, KILL_DIRECT), 0)

    def run(self) -> None:
        while not self._ended.wait(self._rng.uniform(0.5, 1.5) * self._every_s):
            if not self._kinds:
                continue
            kind = self._rng.choice(self._kinds)
            if kind == KILL_DIRECT:
                assert self._direct is not None
                self._direct.kill_one()
                self.kills[kind] += 1
            else:
                node = self._rng.choice(self._nodes)
                began = time.monotonic()
                self.kills[kind] += kill_node(self._scene, node)
                self.struck.append(Struck(f"{kind} {node}", began, began))

    def end(self) -> None:
        self._ended.set()
        self.join()
