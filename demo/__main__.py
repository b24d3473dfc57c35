"""`python -m demo`: exits with 0 if everything was as it is told, with 1 at the first thing that isn't so."""

import argparse
import sqlite3
import sys
import time

from demo import breaking, steps
from demo.shop import opened
from demo.telling import Teller
from tests import on_postgresql, tool

PLAN = "Eight things that the store promises, shown on one of its own: less than a minute on a quiet machine."
STEPS = (
    steps.read_twice,
    steps.take_turns,
    steps.update_one_replica,
    steps.buy,
    steps.evict,
    breaking.kill,
    breaking.delete_a_file,
    breaking.add_up,
)


def main() -> int:
    options = parser().parse_args()
    if options.on == on_postgresql.POSTGRESQL and on_postgresql.program("postgres") is None:
        sys.stderr.write(f"This needs the program postgres: apt-get install {on_postgresql.PACKAGE}\n")
        return 1
    teller = Teller()
    began = time.monotonic()
    with tool.running("demo", PLAN, write=teller.say, has_clock=False) as telling:
        teller.heard = telling.ticker.heard
        telling.begin("Starting a store of its own: a front, two catalog replicas, two order replicas ...")
        try:
            with opened(
                options.coherence, telling.folder, on_postgresql=options.on == on_postgresql.POSTGRESQL
            ) as shop:
                teller.say(f"ready after {time.monotonic() - began:.1f} s: {shop.store.front}/")
                for step in STEPS:
                    telling.ticker.doing("still at it")
                    step(shop, teller)
        except (AssertionError, OSError, sqlite3.Error) as error:
            teller.say(f"This isn't so: {error or repr(error)}")
            return 1
    teller.say("")
    teller.say(f"All {teller.findings} findings are as promised, in {time.monotonic() - began:.0f} s.")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m demo", description="Shows what the store promises, step by step.")
    made.add_argument(
        "--coherence",
        choices=("full", "push", "none"),
        default="full",
        help="how the cache follows updates; with none the demo fails where the cache should have followed",
    )
    made.add_argument(
        "--on",
        choices=("files", on_postgresql.POSTGRESQL),
        default="files",
        help="what keeps the rows: two files of each service, or a primary and its standby",
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
