"""`python -m tests.simulation.mutants_table`: after how many operations each mutant of the protocols is found.

Each mutant is simulated, one run after the other, until a promise is broken (`mutant_search`). What came of it is
kept in docs/simulation-mutants.md, so that it can be interrupted: mutants that were found are left alone, for others
the search goes on where it ended.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path

from tests.mutants import caching, cancelling, files, grouping, on_a_server, reading, selling, writing
from tests.mutants.mutant import Mutant
from tests.run_folder import RunFolder, place_in_memory
from tests.simulation.mutant_search import ENDED, NOT_FOUND, Outcome, search
from tests.simulation.mutants_beyond import BEYOND, KEPT_TWICE

PROTOCOLS = {
    "writing": writing.MUTANTS,
    "reading": reading.MUTANTS,
    "caching": caching.MUTANTS,
    "selling": selling.MUTANTS,
    "grouping": grouping.MUTANTS,
    "cancelling": cancelling.MUTANTS,
    "files": files.MUTANTS,
    "on a server": on_a_server.MUTANTS,
}
"""The most important ones first."""
RUNS, LIMIT_S = 40, 600.0
PAGE = Path(__file__).parents[2] / "docs/simulation-mutants.md"
HEAD = "|---|---|---|---|---|---|---|\n"
OUT_OF_REACH, KEPT = "out of reach", "kept twice"
LONGEST_CELL = 150
START = Outcome()


def search_in_a_process(mutant: Mutant, before: Outcome, last: int, limit_s: float) -> Outcome:
    told = json.dumps([mutant.name, asdict(before), last, limit_s])
    command = [sys.executable, "-m", "tests.simulation.mutants_table", "--one", told]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        return Outcome(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        return Outcome(ENDED, by="the start", what="no store can be prepared")


def line_of(part: str, mutant: Mutant, outcome: Outcome) -> str:
    cells = [str(cell).replace("|", "/")[:LONGEST_CELL] for cell in (part, mutant.name, *astuple(outcome))]
    return f"| {' | '.join(cells)} |"


def untried_outcome(mutant: Mutant) -> Outcome | None:
    """That of one which no run can show; None if it is to be searched for."""
    if mutant.name in BEYOND:
        return Outcome(OUT_OF_REACH, what=BEYOND[mutant.name])
    return Outcome(KEPT, what=KEPT_TWICE[mutant.name]) if mutant.name in KEPT_TWICE else None


def known() -> dict[tuple[str, str], Outcome]:
    """By part and mutant, what the page says."""
    found = {}
    for line in PAGE.read_text().partition(HEAD)[2].splitlines():
        part, name, outcome, operations, runs, by, what = line.removeprefix("| ").removesuffix(" |").split(" | ")
        found[part, name] = Outcome(outcome, int(operations), int(runs), by, what)
    return found


def keep(line: str) -> None:
    """In place of that mutant's line, or after the last one."""
    head, _, rest = PAGE.read_text().partition(HEAD)
    begin = line.split(" | ")[:2]
    lines = [one for one in rest.splitlines() if one.split(" | ")[:2] != begin]
    PAGE.write_text("\n".join((f"{head}{HEAD.strip()}", *sorted([*lines, line]), "")))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants_table", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose name contains this")
    parser.add_argument("--part", choices=PROTOCOLS, help="the mutants of this part")
    parser.add_argument("--again", action="store_true", help="from the first run on, whatever the page says")
    parser.add_argument("--runs", type=int, default=RUNS, help="for each mutant, at most")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for each mutant, about")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.one:
        return search_one(*json.loads(told.one))
    for part, mutants in PROTOCOLS.items():
        for mutant in mutants:
            if told.only.lower() not in mutant.name.lower() or told.part not in (None, part):
                continue
            if untried := untried_outcome(mutant):
                keep(line_of(part, mutant, untried))
                continue
            before = START if told.again else known().get((part, mutant.name), START)
            if before.outcome == NOT_FOUND and before.runs < told.runs:
                line = line_of(part, mutant, search_in_a_process(mutant, before, told.runs, told.limit))
                print(line, flush=True)
                keep(line)
    return 0


def search_one(name: str, before: dict[str, object], last: int, limit_s: float) -> int:
    """Searches in this process, and says what came of it."""
    mutant = next(one for mutants in PROTOCOLS.values() for one in mutants if one.name == name)
    folder = RunFolder("simulation", place_in_memory())
    try:
        print(json.dumps(asdict(search(mutant, Outcome(**before), last, limit_s, folder.path))))  # type: ignore[arg-type]  # As `asdict` gave it.
    finally:
        folder.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
