"""Lab 6: does the measurement tell what happened? Asked of stores whose every answer is known, in a made-up time."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from benchmarks.usual_measurement import Result, measure
from tests.clock import Clock

RATE, SECONDS = 100.0, 10.0
SENT = 1000

Behaviour = Callable[[float, int], tuple[float, bool]]
"""When (seconds since the run began) and how many before: how many seconds an answer takes, and if it is good."""


@dataclass
class Fake:
    """A store, and the time in which it lives."""

    behaviour: Behaviour
    clock: Clock
    asked: int = 0

    def ask(self) -> bool:
        took_s, is_good = self.behaviour(self.clock.now - self.began, self.asked)
        self.asked += 1
        self.clock.now += took_s
        return is_good

    def __post_init__(self) -> None:
        self.began = self.clock.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, f"it slept {seconds} s"
        self.clock.now += seconds


def measured(behaviour: Behaviour, *, rate: float = RATE, warm_up_s: float = 0.0) -> Result:
    fake = Fake(behaviour, Clock())
    return measure(
        fake.ask, rate=rate, seconds=SECONDS, warm_up_s=warm_up_s, clock=lambda: fake.clock.now, sleep=fake.sleep
    )


def near(value: float) -> object:
    return pytest.approx(value, rel=0.03)


def test_an_even_store() -> None:
    """A store that takes 2 ms each time: 1000 requests in 10 s, 100 a second, median and p99 2 ms."""
    found = measured(lambda when, number: (0.002, True))
    assert (found.sent, found.failed) == (near(SENT), 0), f"it sent {found.sent}, {found.failed} failed"
    assert found.rate == near(RATE), f"{found.rate:.1f} a second"
    assert (found.median_ms, found.p99_ms) == (near(2), near(2)), f"{found.median_ms:.2f}, {found.p99_ms:.2f} ms"


def test_a_store_that_stands_still() -> None:
    """A store stands still for a second: who came then had to wait, so p99 is about 0.9 s, and the median 1 ms."""

    def behaviour(when: float, number: int) -> tuple[float, bool]:
        return (1.0 if number == 500 else 0.001), True

    found = measured(behaviour)
    assert 850 < found.p99_ms <= 1000, f"p99 {found.p99_ms:.1f} ms"
    assert found.median_ms == near(1), f"median {found.median_ms:.1f} ms"
    assert found.sent == near(SENT), f"it sent {found.sent} of {SENT}"


def test_failures_are_no_quick_answers() -> None:
    """Half of the requests fail at once, the others take 6 ms: 50 answers a second, 500 failed, median 6 ms."""
    found = measured(lambda when, number: (0.006, True) if number % 2 else (0.0001, False))
    assert found.failed == near(SENT / 2), f"{found.failed} failed"
    assert found.median_ms == near(6), f"median {found.median_ms:.2f} ms"
    assert found.rate == near(RATE / 2), f"{found.rate:.1f} answers a second"


def test_only_failures() -> None:
    """A store that answers nothing: no answer a second, and no error of the measurement's own."""
    found = measured(lambda when, number: (0.0001, False))
    assert (found.rate, found.failed) == (0, found.sent), f"{found.rate} a second, {found.failed} failed"


def test_a_store_that_is_too_slow() -> None:
    """A store that takes 20 ms, asked a hundred times a second: it answers 50 a second, not more."""
    found = measured(lambda when, number: (0.02, True))
    assert found.rate == near(50), f"{found.rate:.1f} answers a second"
    assert found.median_ms > 1000, f"median {found.median_ms:.1f} ms, while the line at the door grew to seconds"


def test_warm_up() -> None:
    """The first second of a cold store counts for nothing."""
    found = measured(lambda when, number: (0.009 if when < 1 else 0.001, True), warm_up_s=1.0)
    assert found.sent == near(SENT), f"it counted {found.sent} requests of {SECONDS:g} s at {RATE:g} a second"
    assert found.p99_ms == near(1), f"p99 {found.p99_ms:.2f} ms"
