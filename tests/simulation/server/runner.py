"""A process that has loaded the store as it is on PostgreSQL, and prepared one on simulated servers to copy."""

import os
import shutil
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.mutant import Mutant
from tests.simulation import broken, disk, primitives
from tests.simulation.plan import Plan
from tests.simulation.runner import Runner, put_on_record
from tests.simulation.watching import Watcher

if TYPE_CHECKING:
    from tests.simulation.report import Report

URL = "postgresql://store@simulated/"


class ServedRunner(Runner):
    """The rows that it begins with are prepared as a pair's, by a process of its own: this one is no pair's."""

    def __init__(self, folder: Path, mutants: Sequence[Mutant] = (), prepared: Path | None = None) -> None:
        self._data, self._prepared = folder / "data", folder / "prepared"
        pair = prepared or folder / "pair"
        prepare_a_pair(folder, pair)
        shutil.rmtree(self._prepared, ignore_errors=True)
        shutil.copytree(pair, self._prepared)
        put_on_record(self._data, "tests.simulation.server.settings")
        os.environ["BOOKSTORE_DATABASE_URL"] = URL
        primitives.install()
        disk.set_up(self._data)
        for mutant in mutants:
            broken.install(mutant)
        from tests.simulation import node

        node.load()
        from tests.simulation.server import preparing
        from tests.simulation.server.backend import base

        base.put_in_place()
        preparing.convert(self._prepared)

    def run(self, plan: Plan, watchers: Sequence[Watcher] = ()) -> "Report":
        """Raises Stuck."""
        from tests.simulation.server import run

        return run.ServedRun(plan, self._prepared, self._data, watchers).carry_out()


def prepare_a_pair(folder: Path, pair: Path) -> None:
    """Makes one, unless it is there, by a process of its own: for all runners that are forked from this one."""
    if pair.exists():
        return
    pid = os.fork()
    if not pid:
        try:
            Runner(folder, (), pair)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status == 0, "no store can be prepared"
