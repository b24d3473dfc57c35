"""A clock that tests move on: nobody waits for it."""

from collections.abc import Callable

START_S = 1000.0


class Clock:
    """Stands in for `time.monotonic` when it is called, and for the module `time`: who sleeps moves it on."""

    def __init__(self, now: float = START_S) -> None:
        self.now = now
        self.while_asleep: Callable[[], object] = lambda: None

    def __call__(self) -> float:
        return self.now

    monotonic = __call__

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.while_asleep()
