"""Load, from `wrk`: closed loop, keep-alive, a number of connections, a few seconds."""

import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent
_DONE = re.compile(r"(\d+) requests in ([0-9.]+)(us|ms|s|m|h),")
_MEDIAN = re.compile(r"\s50%\s+([0-9.]+)(us|ms|s|m)\b")
_P99 = re.compile(r"\s99%\s+([0-9.]+)(us|ms|s|m)\b")
_REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_BROKEN = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_IN_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_IN_MS = {unit: 1000 * seconds for unit, seconds in _IN_SECONDS.items()}
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


@dataclass(frozen=True)
class Load:
    """What came of some seconds of load."""

    answered: int
    """Requests with a status of 2xx or 3xx."""
    failed: int
    """With another one, or none."""
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return self.answered / self.seconds


def rate(target: Target, seconds: int) -> float:
    """Requests per second; raises RuntimeError if any of them failed."""
    return drive(target, seconds).rate


def drive(target: Target, seconds: int, *, may_fail: bool = False) -> Load:
    """Asks as fast as answers come; raises RuntimeError if a request failed, unless some may."""
    command = ["wrk", "-t1", f"-c{target.connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    if target.script:
        command += ["-s", str(SCRIPTS / target.script)]
    command += [target.url, "--", *target.arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if not may_fail and (bad := _BAD.search(output)):
        raise RuntimeError(f"{target.name}: {bad.group()}\n{output}")
    return read(output)


def read(output: str) -> Load:
    """Of what wrk has printed; RuntimeError if it is something else."""
    done, median, p99 = _DONE.search(output), _MEDIAN.search(output), _P99.search(output)
    if done is None or median is None or p99 is None:
        raise RuntimeError(f"wrk said\n{output}")
    refused, broken = _REFUSED.search(output), _BROKEN.search(output)
    not_answered = int(refused[1]) if refused else 0
    without_answer = sum(map(int, broken.groups())) if broken else 0
    return Load(
        answered=int(done[1]) - not_answered,
        failed=not_answered + without_answer,
        seconds=float(done[2]) * _IN_SECONDS[done[3]],
        median_ms=float(median[1]) * _IN_MS[median[2]],
        p99_ms=float(p99[1]) * _IN_MS[p99[2]],
    )


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
