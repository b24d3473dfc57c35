"""`python -m demo`: exits with 0 if everything was as it is told, with 1 at the first thing that isn't so."""

import argparse
import http.client
import signal
import sqlite3
import sys
import time
from types import FrameType

from demo import breaking, steps
from demo.shop import opened
from demo.telling import Teller

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
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell that starts it in the background ignores it.
    teller = Teller()
    began = time.monotonic()
    teller.say("Starting a store of its own: a front, two catalog replicas, two order replicas ...")
    try:
        with opened(options.coherence) as shop:
            teller.say(f"ready after {time.monotonic() - began:.1f} s: {shop.store.front}/")
            for step in STEPS:
                step(shop, teller)
    except KeyboardInterrupt:
        teller.say("Interrupted; the store is stopped.")
        return 128 + signal.SIGINT
    except (AssertionError, OSError, http.client.HTTPException, sqlite3.Error) as error:
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
    return made


def _end(number: int, frame: FrameType | None) -> None:
    """A signal to stop leaves through the blocks that end the store."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
