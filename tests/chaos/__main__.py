"""`python -m tests.chaos`: a run with what it did and found; its exit status says whether anything was violated."""

import argparse
import sys
from contextlib import ExitStack
from datetime import date

from tests import tool
from tests.chaos.faults import Fault, chosen
from tests.chaos.run import ALL, CUSTOMERS, ON_SERVERS, PAIRS, Plan, run
from tests.chaos.server_faults import SERVER_FAULTS
from tests.chaos.servers import servers
from tests.on_postgresql import POSTGRESQL

START_S, RECKONING_S = 15, 30
"""About how long they take on a quiet machine; the reckoning grows with the number of answers."""


def main() -> int:
    options = parser().parse_args()
    is_on_servers = options.on == POSTGRESQL
    possible = ON_SERVERS if is_on_servers else ALL
    faults = chosen(possible, options.faults)
    plan = (
        f"{options.seconds:g} s of chaos, seed {options.seed}, with {len(faults)} kinds of faults. Before that, "
        f"starting takes about {START_S} s; afterwards all has to recover, and reckoned up: {RECKONING_S} s or more."
    )
    if is_on_servers:
        left_out = sorted({fault.name for fault in ALL} - {fault.name for fault in possible})
        plan += f" Left out, as they are about files: {', '.join(left_out)}, and pairs."
    with tool.running("chaos", plan) as telling, ExitStack() as stack:
        both = stack.enter_context(servers()) if is_on_servers else None
        report = run(
            Plan(
                options.seconds,
                options.seed,
                faults,
                telling.folder,
                telling.say,
                customers=options.customers,
                pairs=0 if is_on_servers else options.pairs,
                begin=telling.begin,
                servers=both,
            )
        )
        print("\n".join(report.lines()), flush=True)
        if report.violations or options.keep:
            telling.keep()
            print(f"Everything is kept in {telling.folder}.")
    return 1 if report.violations else 0


def parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {group:<9} {', '.join(names)}" for group, names in groups((*ALL, *SERVER_FAULTS)).items())
    made = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Runs a store, breaks it at random while it is used, and checks that no answer was wrong.",
        epilog=f"Faults, by group:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--seconds", type=float, default=60)
    made.add_argument("--seed", default=date.today().isoformat(), help="the day, by default")
    made.add_argument("--faults", default="", help="names or groups, separated by commas")
    made.add_argument("--customers", type=int, default=CUSTOMERS, help=f"at once ({CUSTOMERS})")
    made.add_argument("--pairs", type=float, default=PAIRS, help="so many of the faults are two at once (0 to 1)")
    made.add_argument("--on", choices=("files", POSTGRESQL), default="files", help="what keeps the rows (files)")
    made.add_argument("--keep", action="store_true", help="keeps files and history even if nothing is wrong")
    return made


def groups(faults: tuple[Fault, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.group, []).append(fault.name)
    return found


if __name__ == "__main__":
    sys.exit(main())
