"""Waiting for what has to happen."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

VARIABLE = "TEST_PATIENCE_S"
PATIENCE_S = float(os.environ.get(VARIABLE, "600"))
"""The slowest machine gets there in time; where nothing is wrong, nobody waits for its end."""
SHORTEST_NAP_S, LONGEST_NAP_S = 0.02, 0.2
"""Between two looks at what is waited for."""

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout_s: float = PATIENCE_S, what: str = "") -> T:
    """The first truthy value of `condition`; raises AssertionError if there is none in time.

    Less than PATIENCE_S is no limit: that would test the machine.
    """
    timeout_s = max(timeout_s, PATIENCE_S)
    began = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - began
        assert waited < timeout_s, f"not within {timeout_s:g} s: {what or condition}"
        # Who looks all the time holds up the others.
        time.sleep(min(LONGEST_NAP_S, max(SHORTEST_NAP_S, waited / 20)))
    return value
