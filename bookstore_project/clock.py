"""What tells the time, and what tests put in its place."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds: `time.monotonic`, or `time.time` where moments are compared with those of other machines or files."""
