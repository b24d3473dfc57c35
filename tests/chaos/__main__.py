"""`python -m tests.chaos`: a run with what it did and found; its exit status says whether anything was violated."""

import argparse
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tests.chaos.faults import Fault, chosen
from tests.chaos.run import ALL, Plan, run


def main() -> int:
    options = parser().parse_args()
    faults = chosen(ALL, options.faults)
    folder = Path(tempfile.mkdtemp(prefix="bookstore-chaos-"))
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f}] {line}", flush=True)

    say(f"seed {options.seed}, {options.seconds:g} s, {len(faults)} kinds of faults, in {folder}")
    report = run(Plan(options.seconds, options.seed, faults, folder, say))
    print("\n".join(report.lines()), flush=True)
    if report.violations or options.keep:
        print(f"Everything is kept in {folder}.")
    else:
        shutil.rmtree(folder)
    return 1 if report.violations else 0


def parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {group:<9} {', '.join(names)}" for group, names in groups(ALL).items())
    made = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Runs a store, breaks it at random while it is used, and checks that no answer was wrong.",
        epilog=f"Faults, by group:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--seconds", type=float, default=60)
    made.add_argument("--seed", default=date.today().isoformat(), help="the day, by default")
    made.add_argument("--faults", default="", help="names or groups, separated by commas")
    made.add_argument("--keep", action="store_true", help="keeps files and history even if nothing is wrong")
    return made


def groups(faults: tuple[Fault, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.group, []).append(fault.name)
    return found


if __name__ == "__main__":
    sys.exit(main())
