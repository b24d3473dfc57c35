"""The usual way to measure: one customer who asks, waits for the answer, and asks again.

`python -m benchmarks.usual_measurement http://localhost:8000/product/2` says how a store does. It is as one writes it
at first, and says "all is well" of a store that stood still for a second. Lab 6 of docs/course mends it.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.error import URLError
from urllib.request import urlopen

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Result:
    """What a run has seen."""

    sent: int
    failed: int
    rate: float
    """Answers per second."""
    median_ms: float
    p99_ms: float


def measure(
    ask: Callable[[], bool],
    *,
    rate: float,
    seconds: float,
    warm_up_s: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Asks about `rate` times a second for so many seconds; `ask` says whether there was a good answer.

    What is sent in the first `warm_up_s` seconds, before those, is to count for nothing.
    """
    times, failed = [], 0
    began = clock()
    while clock() < began + warm_up_s + seconds:
        asked = clock()
        failed += not ask()
        times.append(1000 * (clock() - asked))
        sleep(1 / rate)
    times.sort()
    return Result(len(times), failed, len(times) / seconds, at(times, 0.5), at(times, 0.99))


def at(times: list[float], part: float) -> float:
    """The time that this part of all, which are sorted, doesn't exceed; 0 if there is none."""
    return times[max(0, math.ceil(part * len(times)) - 1)] if times else 0.0


def get(url: str) -> bool:
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - whatever the caller wants to measure
            answer.read()
            return True
    except (URLError, OSError):
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_measurement", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=100, help="requests per second (default 100)")
    parser.add_argument("--seconds", type=float, default=10, help="for how long (default 10)")
    options = parser.parse_args()
    found = measure(partial(get, options.url), rate=options.rate, seconds=options.seconds, warm_up_s=1)
    sys.stdout.write(
        f"{found.sent} requests, {found.failed} failed, {found.rate:.0f} answers a second, "
        f"median {found.median_ms:.2f} ms, p99 {found.p99_ms:.2f} ms\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
