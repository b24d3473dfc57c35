"""Processes that die at a named point of the protocol, or heed modes."""

import pytest

from bookstore_project.replication.tests.support.replica_files import KilledAt, Obedient, run_and_die
from bookstore_project.replication.tests.support.replica_files import obedient as told_by_obedient


@pytest.fixture(scope="session")
def killed_at() -> KilledAt:
    """Runs code in a process that is killed at that point of the protocol."""
    return run_and_die


@pytest.fixture
def obedient() -> Obedient:
    """Runs code in a process that heeds modes, which is there before a test takes away what it needs to begin."""
    told_by_obedient("pass")
    return told_by_obedient
