"""`python -m tests.simulation.mutants_table`: after how many operations each mutant of the protocols is found.

Each mutant has the same plans, one after the other, until a promise is broken. What was found is kept in
docs/simulation-mutants.md: `--only TEXT` tries some mutants again, and leaves the other lines as they are.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.mutants import caching, cancelling, files, grouping, reading, selling, writing
from tests.mutants.mutant import Mutant
from tests.run_folder import RunFolder, place_in_memory
from tests.simulation import broken
from tests.simulation.plan import Plan
from tests.simulation.runner import Runner

PROTOCOLS = {
    "writing": writing.MUTANTS,
    "grouping": grouping.MUTANTS,
    "reading": reading.MUTANTS,
    "caching": caching.MUTANTS,
    "selling": selling.MUTANTS,
    "cancelling": cancelling.MUTANTS,
    "files": files.MUTANTS,
}
OPERATIONS, ROUNDS = 150, 3
FAULTS: tuple[tuple[str, ...], ...] = (
    (),
    ("kill", "aim"),
    ("slow", "aim", "lose", "cut"),
    ("lose", "double", "delay"),
    ("stop", "kill", "files"),
    ("cut",),
)
"""Of the plans of a round."""
OFTEN, SELDOM = 60, 150
"""Turns between two faults: of several kinds, and of one that has to last while nothing else strikes."""
PAGE = Path(__file__).parents[2] / "docs/simulation-mutants.md"
FOUND, NOT_FOUND, NOT_LOADED = "found", "not found", "not loaded"


def plans(rounds: int) -> Iterator[Plan]:
    for number in range(rounds):
        for kinds in FAULTS:
            mix = "ordering" if number % 2 == 0 else "shopping"
            every = SELDOM if len(kinds) == 1 else OFTEN if kinds else 0
            yield Plan(str(number + 1), OPERATIONS, kinds, every, mix)


def try_one(mutant: Mutant, rounds: int, folder: Path) -> dict[str, object]:
    """What came of it. In a process of its own: it puts a simulated world below everything."""
    runner = Runner(folder, [mutant])
    if not broken.loaded:
        return {"outcome": NOT_LOADED}
    operations = 0
    for plan in plans(rounds):
        kinds = ", ".join(plan.kinds) or "no fault"
        try:
            report = runner.run(plan)
        except Exception as error:  # A process ended by itself, or nobody can read what is left.
            return {"outcome": FOUND, "operations": operations + OPERATIONS, "by": kinds, "what": repr(error)[:100]}
        operations += len(report.operations)
        if report.violations:
            what = report.violations[0].what
            return {"outcome": FOUND, "operations": operations, "by": f"seed {plan.seed}, {kinds}", "what": what}
    return {"outcome": NOT_FOUND, "operations": operations}


def try_in_a_process(mutant: Mutant, rounds: int, limit_s: float) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.simulation.mutants_table", "--one", mutant.name, "--rounds", str(rounds)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=limit_s, check=False)
        outcome: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"outcome": NOT_FOUND, "what": f"within {limit_s:.0f} s"}
    except (IndexError, ValueError):
        return {"outcome": FOUND, "operations": 0, "by": "the start", "what": "no store can be prepared"}
    return outcome


def line_of(part: str, mutant: Mutant, outcome: dict[str, object]) -> str:
    told = [outcome.get(name, "") for name in ("outcome", "operations", "by", "what")]
    cells = [str(cell).replace("|", "/") for cell in (part, mutant.name, *told)]
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants_table", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose name contains this")
    parser.add_argument("--part", choices=PROTOCOLS, help="the mutants of this part")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of {len(FAULTS)} plans each, at most")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for one mutant")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    named = {mutant.name: (part, mutant) for part, mutants in PROTOCOLS.items() for mutant in mutants}
    if told.one:
        folder = RunFolder("simulation", place_in_memory())
        try:
            print(json.dumps(try_one(named[told.one][1], told.rounds, folder.path)))
        finally:
            folder.close()
        return 0
    for part, mutant in named.values():
        if told.only.lower() in mutant.name.lower() and told.part in (None, part):
            line = line_of(part, mutant, try_in_a_process(mutant, told.rounds, told.limit))
            print(line, flush=True)
            keep(line)
    return 0


def keep(line: str) -> None:
    """In place of that mutant's line, or after the last one."""
    head, _, rest = PAGE.read_text().partition("|---|---|---|---|---|---|\n")
    begin = line.split(" | ")[:2]
    lines = [one for one in rest.splitlines() if one.split(" | ")[:2] != begin]
    PAGE.write_text("\n".join((f"{head}|---|---|---|---|---|---|", *sorted([*lines, line]), "")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
