"""`make model`: tries all orders of all steps of the protocol, whole and with a part of it left out."""

import argparse
import sys
import time
from collections.abc import Callable

from tests.model.explore import explore
from tests.model.parts import BROKEN, SMALL, WHOLE, start
from tests.model.protocol import State

TELL_S = 5.0


def progress(what: str) -> Callable[[int, int], None]:
    begun = told = time.monotonic()

    def tell(states: int, depth: int) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= TELL_S:
            told = now
            print(f"[{now - begun:6.1f}] {what}: {states} states, up to {depth} steps from the beginning", flush=True)

    return tell


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one write, one crash, one lost file (ten seconds)")
    parser.add_argument(
        "--broken", choices=BROKEN, metavar="PART", help=f"only without this part: {', '.join(BROKEN)}"
    )
    told = parser.parse_args(arguments)
    is_well = True
    if told.broken is None:
        left = SMALL if told.quick else WHOLE
        cost = "ten seconds" if told.quick else "a minute and a half, and a gigabyte of memory"
        print(f"Exploring {left}: about {cost}.", flush=True)
        found = explore(State(left=left), tell=progress("the whole protocol"))
        is_well = not found.wrong
        print(
            f"{found.states} states, {found.transitions} steps, the farthest {found.depth} steps from the beginning"
        )
        print(f"broken promises: {found.wrong or 'none'}\n")
    for broken in [told.broken] if told.broken else BROKEN:
        found = explore(start(broken), broken)
        is_well = is_well and bool(found.wrong)
        print(f"without a part: {broken} ({BROKEN[broken]})")
        for number, (name, _) in enumerate(found.trace, 1):
            print(f"  {number:2} {name}")
        print(f"  -> {found.wrong or 'NOT FOUND'}, among {found.states} states\n", flush=True)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
