"""A process that has loaded the store and prepared one to copy: it carries out one plan after the other."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.mutant import Mutant
from tests.simulation import broken, disk, primitives
from tests.simulation.plan import Plan
from tests.simulation.watching import Watcher

if TYPE_CHECKING:
    from tests.simulation.report import Report

FRONTS = "2"
"""With a cache each: what one of them shows, the other must not take back."""


class Runner:
    """The one of its process: it puts the simulated world in place below everything else."""

    def __init__(self, folder: Path, mutants: Sequence[Mutant] = (), prepared: Path | None = None) -> None:
        """`prepared`: where the store is left that is prepared, if not in the folder."""
        self._data, self._prepared = folder / "data", prepared or folder / "prepared"
        put_on_record(self._data, "tests.simulation.settings")
        primitives.install()
        disk.set_up(self._data)
        for mutant in mutants:
            broken.install(mutant)
        from tests.simulation import node

        node.load()
        from tests.simulation import preparing

        preparing.prepare(self._data)
        self._data.rename(self._prepared)

    def run(self, plan: Plan, watchers: Sequence[Watcher] = ()) -> "Report":
        """Raises Stuck."""
        from tests.simulation import run

        return run.Run(plan, self._prepared, self._data, watchers).carry_out()


def put_on_record(data: Path, settings: str) -> None:
    """In the environment: what store is simulated."""
    os.environ |= {
        "BOOKSTORE_DATA": str(data),
        "BOOKSTORE_FRONTS": FRONTS,
        # Soon found, soon forgotten: what is wrong with a file, and what a front keeps of it. As for chaos.
        "BOOKSTORE_SCRUB_EVERY_S": "5",
        "BOOKSTORE_CACHE_TIMEOUT_S": "3",
        "DJANGO_SETTINGS_MODULE": settings,
    }
