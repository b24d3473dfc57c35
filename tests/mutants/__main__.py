"""`make mutants`: breaks each promise on purpose, and says whether its test noticed."""

import argparse
import queue
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import filterfalse
from pathlib import Path

from tests import tool
from tests.mutants import workshop
from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS
from tests.reaper import end_all_in

AT_ONCE = 2
UNBROKEN_LIMIT_S = 600.0
MUTANT_S = 6
"""About how long one takes."""


def main() -> int:
    options = parse_options()
    chosen = [mutant for mutant in MUTANTS if options.only.lower() in mutant.name.lower()]
    if not chosen:
        print(f"No mutant's name contains {options.only!r}.")
        return 2
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    minutes = max(1, round(len(chosen) * MUTANT_S / AT_ONCE / 60))
    plan = f"{len(chosen)} mutants and {len(tests)} tests: about {minutes} min on a quiet machine."
    with tool.running("mut", plan) as telling, ExitStack() as stack:
        trees = [stack.enter_context(workshop.copied_tree()) for _ in range(min(AT_ONCE, len(chosen)))]
        telling.begin(f"{len(tests)} tests without a mutant")
        for some in (
            list(filterfalse(workshop.is_on_postgresql, tests)),
            list(filter(workshop.is_on_postgresql, tests)),
        ):
            status, output = workshop.run_tests(trees[0], some, UNBROKEN_LIMIT_S) if some else (0, "")
            if status != 0:
                print(output)
                print("They have to pass while nothing is broken.")
                return 1
        lost = examine_all(chosen, trees, telling)
    for outcome in lost:
        print(f"\n{outcome.mutant.name}: {outcome.how}\n{outcome.output}")
    print(f"{len(chosen) - len(lost)} of {len(chosen)} mutants caught")
    return 1 if lost else 0


def examine_all(mutants: Sequence[Mutant], trees: Sequence[Path], telling: tool.Tool) -> list[workshop.Outcome]:
    """Those that nobody caught."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def examine(mutant: Mutant) -> workshop.Outcome:
        tree = free.get()
        try:
            return workshop.examine(mutant, tree)
        finally:
            free.put(tree)

    lost: list[workshop.Outcome] = []
    examined: list[Mutant] = []
    telling.begin("mutants", lambda: f"{len(examined)} of {len(mutants)}, {len(lost)} of them not caught")
    with ThreadPoolExecutor(len(trees)) as pool:
        futures = [pool.submit(examine, mutant) for mutant in mutants]
        try:
            for future in as_completed(futures):
                outcome = future.result()
                examined.append(outcome.mutant)
                told = f"{outcome.mutant.name}: {outcome.how}, {outcome.seconds:.1f} s"
                telling.say(f"{len(examined):3}/{len(mutants)} {told}")
                if not outcome.is_caught:
                    lost.append(outcome)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):
                end_all_in(telling.folder)  # The tests that are under way.
                time.sleep(0.05)
            raise
    return lost


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose name contains this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
