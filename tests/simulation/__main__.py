"""`make simulate`: a whole store, of which a seed decides every step, is used, broken and judged.

The same seed gives the same run, to the last answer; the last line is a digest of it.
"""

import argparse
import hashlib
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS
from tests.run_folder import RunFolder, place_in_memory
from tests.simulation import finds
from tests.simulation.aiming import POINTS
from tests.simulation.exploring import Exploration, Explorer
from tests.simulation.ledger import Ledger, Sitting
from tests.simulation.plan import Plan
from tests.simulation.replay import Replay
from tests.simulation.runner import Runner
from tests.simulation.server.runner import ServedRunner
from tests.simulation.totals import Totals
from tests.simulation.watching import Trace, Watcher

if TYPE_CHECKING:
    from tests.simulation.report import Report

MIXES = ("browsing", "shopping", "ordering")
KINDS = (
    *("kill", "stop", "stall", "slow", "aim", "clock", "power", "full"),
    *("lose", "double", "delay", "cut", "isolate", "files", "pairs"),
)
OF_MACHINES = ("power", "full", "files", "pairs")
"""Those that strike files of a pair, or the machine that they are on."""
OF_FILES = (
    *("file-renamed", "file-deleted", "file-old", "file-old-in-place", "file-old-over", "file-half", "file-empty"),
    *("file-garbage", "file-flipped", "file-bits", "file-locked", "wal-removed", "shm-removed"),
)
"""Among those that `files` and `pairs` stand for."""
OF_SERVERS = ("takeover", "standby", "restart", "sessions")
"""Of a store on PostgreSQL, whose servers are simulated."""
AIMS = tuple(f"aim:{point}" for point in POINTS)
SHRINKING_RUNS = 150
"""To shrink what an exploration has found, at most."""
monotonic = time.monotonic
"""The real one: `primitives` puts another in its place."""


def mutants_named(name: str) -> list[Mutant]:
    return [mutant for mutant in MUTANTS if mutant.name == name]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="so many runs, with this seed and those that follow")
    parser.add_argument("--operations", type=int, default=0, help="of all customers together, about")
    some = f"some of {', '.join(KINDS)}, aim:STEP, a fault of files by its name, or none"
    parser.add_argument("--faults", default="", help=some)
    parser.add_argument("--server", action="store_true", help="a store on a simulated PostgreSQL, not on two files")
    parser.add_argument("--every", type=int, default=0, help="turns between two faults; the seed decides if not told")
    parser.add_argument("--mix", choices=MIXES, default="", help="of reads and writes; the seed decides if not told")
    parser.add_argument("--broken", metavar="MUTANT", help="with this mutant of tests/mutants, by name")
    parser.add_argument("--replay", metavar="SEED", help="show that run step by step, or one that was kept (a file)")
    parser.add_argument("--minutes", type=float, default=0, help="explore for so long, led by what was met")
    parser.add_argument("--runs", type=int, default=0, help="explore in so many runs at most")
    parser.add_argument("--plain", action="store_true", help="explore seeds in order, and follow nothing up")
    parser.add_argument("--quiet", action="store_true", help="don't show the steps of a run that is replayed")
    parser.add_argument("--keep", metavar="FOLDER", help="write there what each run consisted of, to be replayed")
    parser.add_argument("--ledger", metavar="FILE", help="write each run there, and leave out seeds that it has")
    parser.add_argument("--shrink", metavar="RUNS", type=int, default=0, help="make what breaks a promise smaller")
    parser.add_argument("--trace", metavar="FILE", help="write every turn, fault and log line there")
    told = parser.parse_args(arguments)
    told.operations = told.operations or (100 if told.minutes or told.runs else 1000)
    usual = (*(kind for kind in KINDS if kind not in OF_MACHINES), *OF_SERVERS) if told.server else KINDS
    told.kinds = (told.faults or ",".join(usual)).split(",") if told.faults != "none" else []
    if unknown := set(told.kinds) - {*usual, *AIMS, *(() if told.server else OF_FILES)}:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    told.mutants = mutants_named(told.broken) if told.broken else []
    if told.broken and not told.mutants:
        parser.error(f"no such mutant: {told.broken}")
    return told


def main(arguments: list[str]) -> int:
    told = parse(arguments)
    each = f"of {told.operations} operations, about {2 + told.operations // 150} s each"
    many = f"{told.minutes:g} minutes of runs" if told.minutes else f"{told.runs or told.seeds} run(s)"
    say(f"Simulating {many} {each}.")
    stay_on_one_core()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell may have it ignored, in the background.
    folder = RunFolder("simulation", place_in_memory())
    try:
        return simulate(told, runner_of(told, folder.path))
    except KeyboardInterrupt:
        say("interrupted; nothing of it is left.")
        return 128 + signal.SIGINT
    finally:
        folder.close()


def runner_of(told: argparse.Namespace, folder: Path) -> Runner:
    return (ServedRunner if told.server else Runner)(folder, told.mutants)


def stay_on_one_core() -> None:
    """One process runs at a time: on one core it is woken soonest."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def simulate(told: argparse.Namespace, runner: Runner) -> int:
    """The exit status: 0 if no promise was broken."""
    from tests.simulation.report import describe

    if told.ledger:
        return sit(runner, told)
    if told.minutes or told.runs:
        return explore(runner, told)
    digest, totals = hashlib.blake2b(digest_size=16), Totals()
    try:
        with watching(told) as watchers:
            for plan in plans(told):
                began, used = monotonic(), processor_s()
                report = runner.run(plan, watchers)
                if told.keep and not told.shrink:
                    report.plan.write(Path(told.keep) / f"{plan.seed}.json")
                digest.update(report.digest.encode())
                totals.add(report)
                for line in describe(report):
                    say(line)
                if report.violations and told.shrink:
                    find(runner, report, told)
                    break
                say(f"  {monotonic() - began:.1f} s, {processor_s() - used:.1f} s of a processor")
                if report.violations and told.mutants:  # It is found.
                    break
    finally:  # Also of what was interrupted.
        for line in totals.lines() if totals.runs > 1 else ():
            say(line)
    say(f"broken promises: {totals.violations or 'none'}")
    say(f"digest {digest.hexdigest()}")
    return 1 if totals.violations else 0


def sit(runner: Runner, told: argparse.Namespace) -> int:
    """The exit status: 1 if a promise was broken, now or in another sitting."""
    ledger, until = Ledger(Path(told.ledger)), monotonic() + 60 * told.minutes if told.minutes else math.inf
    sitting = Sitting(ledger, runner.run, say, processor_s)
    try:
        sitting.carry_out(plans(told)[0], sys.maxsize if told.minutes else told.seeds, lambda: monotonic() >= until)
    finally:
        for line in ledger.lines():
            say(line)
    return 1 if ledger.totals.violations else 0


def explore(runner: Runner, told: argparse.Namespace) -> int:
    """The exit status: 1 if a promise was broken. The run that broke it is shrunk, drawn, and kept then."""
    from tests.simulation.report import describe

    explorer = Explorer(plans(told)[0], is_led=not told.plain)
    exploration = Exploration(runner.run, explorer, say, monotonic)
    used = processor_s()
    report = exploration.carry_out(60 * told.minutes if told.minutes else math.inf, told.runs)
    for line in exploration.lines():
        say(line)
    say(f"  {processor_s() - used:.1f} s of a processor")
    if report is not None:
        for line in describe(report):
            say(line)
        find(runner, report, told)
    say(f"broken promises: {len(report.violations) if report is not None else 'none'}")
    say(f"digest {exploration.digest.hexdigest()}")
    return 0 if report is None else 1


def find(runner: Runner, report: "Report", told: argparse.Namespace) -> None:
    """Shrinks a run that broke a promise, draws it, and keeps it."""
    found = finds.shrunk(runner, report, told.shrink or SHRINKING_RUNS, told.broken or "", say)
    diagram = finds.drawn(runner, found)
    for line in diagram.text():
        say(line)
    kept = found.keep(Path(told.keep) if told.keep else finds.FOUND)
    kept.with_suffix(".svg").write_text(diagram.svg(found.promise))
    say(f"kept: {kept} and .svg")


def plans(told: argparse.Namespace) -> list[Plan]:
    if told.replay and not told.replay.isdecimal():
        path = Path(told.replay)
        return [Plan.read(one) for one in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    first, many = (int(told.replay), 1) if told.replay else (told.seed, told.seeds)
    seeds = map(str, range(first, first + many))
    return [Plan(seed, told.operations, tuple(told.kinds), told.every, told.mix) for seed in seeds]


@contextmanager
def watching(told: argparse.Namespace) -> Iterator[list[Watcher]]:
    shown: list[Watcher] = [Replay(say)] if told.replay and not told.quiet else []
    if told.trace is None:
        yield shown
    else:
        with Path(told.trace).open("w") as file:
            yield [*shown, Trace(lambda line: file.write(f"{line}\n"))]


def processor_s() -> float:
    """What this process, those that it has ended, and those from which nodes are forked have used."""
    from tests.simulation import zygotes

    used = os.times()
    return used.user + used.system + used.children_user + used.children_system + zygotes.processor_s()


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
