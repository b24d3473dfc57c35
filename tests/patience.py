"""How long the engine on PostgreSQL waits for a server of tests, of which nothing is wrong but that it is slow."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bookstore_project.replication.postgresql import attempt, barrier, leases, silent_servers, waiting
from tests.waiting import PATIENCE_S

LIMITS = (
    (attempt, "COMMIT_TIMEOUT_S"),
    (barrier, "TIMEOUT_S"),
    (leases, "RENEWAL_TIMEOUT_S"),
    (silent_servers, "ANSWER_S"),
    (waiting, "CANCEL_TIMEOUT_S"),
)
"""For a commit to be confirmed, and for an answer. Whoever tests one of them sets it."""


@contextmanager
def patient() -> Iterator[None]:
    """As long as it takes, for a block."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in LIMITS:
            patch.setattr(module, name, PATIENCE_S)
        yield
