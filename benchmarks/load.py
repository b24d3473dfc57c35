"""Load, from `wrk`: closed loop, keep-alive, a number of connections, a few seconds."""

import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent
_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


@dataclass(frozen=True)
class Target:
    """What one of two compared servers is asked."""

    name: str
    url: str
    connections: int
    script: str = ""
    """A Lua file beside this one, for requests that differ from one another."""
    arguments: Sequence[str] = ()


def require_wrk() -> None:
    """Exits with the name of the package if the load generator is missing."""
    if shutil.which("wrk") is None:
        raise SystemExit("The benchmarks need `wrk`: install the package wrk (apt install wrk).")


def rate(target: Target, seconds: int) -> float:
    """Requests per second; raises RuntimeError if any of them failed."""
    command = ["wrk", "-t1", f"-c{target.connections}", f"-d{seconds}s"]
    if target.script:
        command += ["-s", str(SCRIPTS / target.script)]
    command += [target.url, "--", *target.arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if bad := _BAD.search(output):
        raise RuntimeError(f"{target.name}: {bad.group()}\n{output}")
    found = _RATE.search(output)
    if found is None:
        raise RuntimeError(f"{target.name}: wrk said\n{output}")
    return float(found.group(1))


def compare(ours: Target, yardstick: Target, rounds: int, seconds: int) -> Mapping[str, float]:
    """Both by turns, so that a noisy machine troubles both: medians, and the median of each round's ratio.

    In each of its rounds a target has `seconds` seconds, one at a time: what a machine does changes within seconds.
    """
    pairs = [_round(ours, yardstick, seconds, number) for number in range(rounds)]
    return {
        ours.name: statistics.median(pair[0] for pair in pairs),
        yardstick.name: statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[0] / pair[1] for pair in pairs),
    }


def _round(ours: Target, yardstick: Target, seconds: int, number: int) -> tuple[float, float]:
    rates: dict[str, list[float]] = {ours.name: [], yardstick.name: []}
    # Who begins changes from turn to turn, and from round to round: so also if a round has one second.
    for turn in range(number, number + seconds):
        for target in (ours, yardstick) if turn % 2 == 0 else (yardstick, ours):
            rates[target.name].append(rate(target, 1))
    return statistics.mean(rates[ours.name]), statistics.mean(rates[yardstick.name])
