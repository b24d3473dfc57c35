"""What was simulated in many sittings: a file with a line for each run, which the next sitting goes on from.

`python -m tests.simulation.ledger FILE` adds it up.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulation.coverage import Coverage, Pair, described
from tests.simulation.plan import Plan
from tests.simulation.totals import Totals
from tests.simulation.watching import Watcher

if TYPE_CHECKING:
    from tests.simulation.report import Report

ROOT = Path(__file__).parents[2]


class Ledger:
    """Of the runs that were written into that file, by this sitting or another one."""

    def __init__(self, path: Path) -> None:
        self.totals = Totals()
        self.met: set[Pair] = set()
        self.seeds: set[str] = set()
        self.commits: Counter[str] = Counter()
        """Runs by the commit of the code."""
        self.broken: list[str] = []
        """Seeds of the runs that broke a promise, and the first promise of each."""
        self.processor_s = 0.0
        self._path = path
        for line in path.read_text().splitlines() if path.exists() else ():
            self._enter(json.loads(line))

    def write(self, report: "Report", met: set[Pair], commit: str, processor_s: float) -> None:
        """Adds a run: as a whole or, if whoever writes is killed, not at all."""
        line = {
            "commit": commit,
            "seed": report.plan.seed,
            "operations": len(report.operations),
            "violations": [str(violation) for violation in report.violations],
            "faults": dict(report.struck),
            "pairs": [[*kinds, times] for kinds, times in report.pairs.items()],
            "met": sorted(met - self.met),
            "processor_s": round(processor_s, 1),
            "digest": report.digest,
        }
        with self._path.open("a") as file:
            file.write(f"{json.dumps(line)}\n")
        self._enter(line)

    def _enter(self, line: dict[str, Any]) -> None:
        self.totals.runs += 1
        self.totals.operations += line["operations"]
        self.totals.violations += len(line["violations"])
        self.totals.faults.update(line["faults"])
        self.totals.pairs.update({(first, second): times for first, second, times in line["pairs"]})
        self.met |= {(stands, what) for stands, what in line["met"]}
        self.seeds.add(line["seed"])
        self.commits[line["commit"]] += 1
        self.processor_s += line["processor_s"]
        self.broken += [f"{line['seed']} ({line['commit']}): {what}" for what in line["violations"][:1]]

    def lines(self) -> list[str]:
        """All that was simulated so far, for people."""
        by_commit = ", ".join(f"{runs} of {commit}" for commit, runs in self.commits.items()) or "none"
        return [
            *self.totals.lines(),
            *described(self.met),
            f"{len(self.seeds)} seeds, {self.processor_s:.0f} s of a processor; runs by commit: {by_commit}",
            *(f"seed {told}" for told in self.broken),
        ]


class Sitting:
    """Carries out the seeds that the ledger lacks, one after another."""

    def __init__(
        self,
        ledger: Ledger,
        run: Callable[[Plan, list[Watcher]], "Report"],
        say: Callable[[str], object],
        processor_s: Callable[[], float],
    ) -> None:
        self._ledger, self._run, self._say, self._processor_s = ledger, run, say, processor_s

    def carry_out(self, first: Plan, seeds: int, is_over: Callable[[], bool]) -> None:
        """So many runs, from the first one's seed on, or until it is over. A promise that is broken ends nothing."""
        commit = commit_here()
        for seed in islice(self._missing(int(first.seed)), seeds):
            if is_over():
                return
            used, coverage = self._processor_s(), Coverage()
            report = self._run(replace(first, seed=seed), [coverage])
            self._ledger.write(report, set(coverage.met), commit, self._processor_s() - used)
            found = f"; broken: {report.violations[0]}" if report.violations else ""
            totals = self._ledger.totals
            self._say(f"seed {seed}: {totals.runs} runs, {totals.operations} operations so far{found}")

    def _missing(self, first: int) -> Iterator[str]:
        return (str(seed) for seed in count(first) if str(seed) not in self._ledger.seeds)


def commit_here() -> str:
    """The code's, with a mark if it was changed since; "unknown" without a repository, or without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return asked.stdout.strip() or "unknown"


if __name__ == "__main__":
    for told in Ledger(Path(sys.argv[1])).lines():
        print(told)
