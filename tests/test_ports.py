"""Processes of tests take their ports from ranges of their own, whichever run they belong to."""

import os
import sys

import pytest

from tests.ports import FIRST_PORT, PORTS, free_port, range_of, take_range


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract names")
def test_no_two_processes_have_one_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run's process of the same name looks for the same one first."""
    mine, kept = range_of(os.getpid())
    if kept is None:
        pytest.skip("so many processes of tests are running that all ranges are taken")
    first = FIRST_PORT + PORTS * mine
    assert free_port("127.0.0.1") in range(first, first + PORTS)
    with pytest.raises(OSError):
        take_range(mine)
    monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{mine}")
    monkeypatch.delenv("TESTS_ON", raising=False)
    others, taken = range_of.__wrapped__(0)
    assert others != mine or taken is None
    if taken is not None:
        taken.close()
