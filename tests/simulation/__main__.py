"""`make simulate`: a whole store, of which a seed decides every step, is used, broken and judged.

The same seed gives the same run, to the last answer; the last line is a digest of it.
"""

import argparse
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS
from tests.run_folder import RunFolder, place_in_memory
from tests.simulation import broken, primitives

KINDS = ("kill", "stop", "slow", "lose", "double", "delay", "cut")
FRONTS = "2"
"""With a cache each: what one of them shows, the other must not take back."""
monotonic = time.monotonic
"""The real one: `primitives` puts another in its place."""


def mutants_named(name: str) -> list[Mutant]:
    return [mutant for mutant in MUTANTS if mutant.name == name]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="so many runs, with this seed and those that follow")
    parser.add_argument("--operations", type=int, default=1000, help="of all customers together, about")
    parser.add_argument("--faults", default=",".join(KINDS), help=f"some of {', '.join(KINDS)}, or none")
    parser.add_argument("--every", type=int, default=0, help="turns between two faults; the seed decides if not told")
    parser.add_argument("--broken", metavar="MUTANT", help="with this mutant of tests/mutants, by name")
    parser.add_argument("--trace", metavar="FILE", help="write every turn, fault and log line there")
    told = parser.parse_args(arguments)
    told.kinds = told.faults.split(",") if told.faults != "none" else []
    if unknown := set(told.kinds) - set(KINDS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    told.mutants = mutants_named(told.broken) if told.broken else []
    if told.broken and not told.mutants:
        parser.error(f"no such mutant: {told.broken}")
    return told


def main(arguments: list[str]) -> int:
    told = parse(arguments)
    say(f"Simulating {told.seeds} run(s) of {told.operations} operations: about {2 + told.operations // 150} s each.")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # One runs at a time: on one core it is woken soonest.
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell may have it ignored, in the background.
    folder = RunFolder("simulation", place_in_memory())
    try:
        return simulate(told, folder.path)
    except KeyboardInterrupt:
        say("interrupted; nothing of it is left.")
        return 128 + signal.SIGINT
    finally:
        folder.close()


def simulate(told: argparse.Namespace, folder: Path) -> int:
    """The exit status: 0 if no promise was broken."""
    data, prepared = folder / "data", folder / "prepared"
    os.environ |= {
        "BOOKSTORE_DATA": str(data),
        "BOOKSTORE_FRONTS": FRONTS,
        "DJANGO_SETTINGS_MODULE": "tests.simulation.settings",
    }
    primitives.install()
    for mutant in told.mutants:
        broken.install(mutant)
    from tests.simulation import node

    node.load()
    from tests.simulation import run

    run.prepare(data)
    data.rename(prepared)
    digest, violations = hashlib.blake2b(digest_size=16), 0
    with tracing(told.trace) as trace:
        for seed in range(told.seed, told.seed + told.seeds):
            began, used = monotonic(), processor_s()
            one = run.Run(str(seed), told.operations, prepared, data, kinds=told.kinds, every=told.every, trace=trace)
            report = one.carry_out()
            digest.update(report.digest.encode())
            violations += len(report.violations)
            for line in run.describe(report):
                say(line)
            say(f"  {monotonic() - began:.1f} s, {processor_s() - used:.1f} s of a processor")
    say(f"broken promises: {violations or 'none'}")
    say(f"digest {digest.hexdigest()}")
    return 1 if violations else 0


@contextmanager
def tracing(path: str | None) -> Iterator[Callable[[str], object] | None]:
    if path is None:
        yield None
    else:
        with Path(path).open("w") as file:
            yield lambda line: file.write(f"{line}\n")


def processor_s() -> float:
    """What this process and those that it has ended have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
