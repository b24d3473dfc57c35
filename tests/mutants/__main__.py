"""`make mutants`: breaks each promise on purpose, and says whether its test noticed."""

import argparse
import queue
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from tests.mutants import workshop
from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS

AT_ONCE = 2
UNBROKEN_LIMIT_S = 600.0


def main() -> int:
    options = parse_options()
    chosen = [mutant for mutant in MUTANTS if options.only.lower() in mutant.name.lower()]
    if not chosen:
        print(f"No mutant's name contains {options.only!r}.")
        return 2
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f}] {line}", flush=True)

    with ExitStack() as stack:
        trees = [stack.enter_context(workshop.copied_tree()) for _ in range(min(AT_ONCE, len(chosen)))]
        tests = sorted({test for mutant in chosen for test in mutant.tests})
        say(f"{len(tests)} tests without a mutant")
        status, output = workshop.run_tests(trees[0], tests, UNBROKEN_LIMIT_S)
        if status != 0:
            print(output)
            print("They have to pass while nothing is broken.")
            return 1
        lost = examine_all(chosen, trees, say)
    for outcome in lost:
        print(f"\n{outcome.mutant.name}: {outcome.how}\n{outcome.output}")
    say(f"{len(chosen) - len(lost)} of {len(chosen)} mutants caught")
    return 1 if lost else 0


def examine_all(
    mutants: Sequence[Mutant], trees: Sequence[Path], say: Callable[[str], None]
) -> list[workshop.Outcome]:
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

    lost = []
    with ThreadPoolExecutor(len(trees)) as pool:
        try:
            examined = as_completed([pool.submit(examine, mutant) for mutant in mutants])
            for number, future in enumerate(examined, start=1):
                outcome = future.result()
                say(f"{number:3}/{len(mutants)} {outcome.mutant.name}: {outcome.how}, {outcome.seconds:.1f} s")
                if not outcome.is_caught:
                    lost.append(outcome)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return lost


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose name contains this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
