"""`python -m tests.soak`: a store among hostile clients; its exit status says whether its memory stayed flat."""

import argparse
import time

from tests import tool
from tests.soak.hostile import KINDS
from tests.soak.run import MOST_MB, Soak
from tests.store import Store


def main() -> int:
    options = parser().parse_args()
    plan = (
        f"{options.seconds:g} s of requests of {len(KINDS)} kinds, no two alike, after a store has started and is "
        f"warm (about 20 s). Each node may grow by {MOST_MB:g} MB."
    )
    with tool.running("soak", plan) as telling, Store(telling.folder / "var") as store:
        soak = Soak(store)
        telling.begin("warming up", soak.progress)
        soak.warm_up()
        telling.begin("sending", soak.progress)
        end = time.monotonic() + options.seconds
        soak.run(lambda: time.monotonic() >= end)
        telling.say(soak.progress())
        grown = {node: mb for node, mb in soak.growth_mb.items() if mb > MOST_MB}
        for node, mb in grown.items():
            print(f"FAILED: {node} has grown by {mb:g} MB.")
        print("" if grown else "All is as it has to be.", flush=True)
    return 1 if grown else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="Starts a store, sends its nodes requests that nobody has sent before, as long as they may be, "
        "and longer, and fails if a node remembers too much of them.",
    )
    made.add_argument("--seconds", type=float, default=60, help="of sending, without beginning and end (60)")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
