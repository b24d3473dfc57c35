"""`python -m tests.stress`: all kinds of stores under stress; its exit status says whether all is as it has to be."""

import argparse
import shutil
import sys
from datetime import date

from tests import tool
from tests.on_postgresql import POSTGRESQL
from tests.stress.matrix import carry_out, variants_of
from tests.stress.run import BACKENDS, REDIS, WRITERS

OVERLAPS_PER_S = 1000 / 60
START_S, RECKONING_S = 15, 15
"""About how long they take, of one run, on a quiet machine."""


def main() -> int:
    options = parser().parse_args()
    if REDIS in options.backends and shutil.which("redis-server") is None:
        parser().error("redis-server is missing: apt-get install redis-server, or choose --backends lru")
    variants = variants_of(options.fronts, options.backends)
    each_s = options.seconds / len(variants)
    plan = (
        f"{options.seconds:g} s of stress, seed {options.seed}, in {len(variants)} runs of {each_s:.0f} s. Each one "
        f"starts a store before (about {START_S} s) and is reckoned up afterwards (about {RECKONING_S} s)."
    )
    with tool.running("stress", plan) as telling:
        verdict = carry_out(
            variants,
            seconds=options.seconds,
            seed=options.seed,
            overlaps=options.seconds * OVERLAPS_PER_S if options.overlaps is None else options.overlaps,
            folder=telling.folder,
            say=telling.say,
            begin=telling.begin,
            writers=options.writers,
            is_on_servers=options.on == POSTGRESQL,
        )
        for variant, result in verdict.results.items():
            print(f"{variant!s:<24} {result.summary()}")
        print(
            "\n".join(f"FAILED: {failure}" for failure in verdict.failures) or "All is as it has to be.", flush=True
        )
        if verdict.failures or options.keep:
            telling.keep()
            print(f"Everything is kept in {telling.folder}.")
    return 1 if verdict.failures else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.stress",
        description="Runs stores of several kinds on a bad network, reads and writes the same few books all the "
        "time, kills nodes, and checks that every answer is linearizable; and that the check finds what is wrong "
        "with a store that waits for nobody (BOOKSTORE_COHERENCE=push).",
    )
    made.add_argument("--seconds", type=float, default=60, help="of all runs, without beginnings and ends")
    made.add_argument("--seed", default=date.today().isoformat(), help="the day, by default")
    made.add_argument("--fronts", type=_numbers, default=[1, 3], help="how many, separated by commas (1,3)")
    made.add_argument(
        "--backends", type=_backends, default=list(BACKENDS), help=f"of the cache ({','.join(BACKENDS)})"
    )
    made.add_argument("--writers", type=int, default=WRITERS, help=f"at once ({WRITERS})")
    made.add_argument("--overlaps", type=int, help="reads that have to overlap a write (1000 in 60 s)")
    made.add_argument("--on", choices=("files", POSTGRESQL), default="files", help="what keeps the rows (files)")
    made.add_argument("--keep", action="store_true", help="keeps files and histories even if nothing is wrong")
    return made


def _numbers(text: str) -> list[int]:
    if not all(word in tuple("123456789") for word in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers from 1 to 9")
    return [int(word) for word in text.split(",")]


def _backends(text: str) -> list[str]:
    if unknown := set(text.split(",")) - set(BACKENDS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: expected {', '.join(BACKENDS)}")
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main())
