"""Whoever waits for the lock on behalf of a caller waits no longer than the caller."""

import threading
import time
from pathlib import Path

from bookstore_project.nodes import deadlines
from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.transaction import run
from tests.waiting import PATIENCE_S

LONG_S = 3600.0


def test_waiting_for_the_lock_ends_with_the_deadline(seven_articles: Path) -> None:
    refused: list[Unavailable] = []

    def write() -> None:
        with deadlines.until(time.time() + 0.05):
            try:
                run("shelf", lambda: None, timeout_s=LONG_S)
            except Unavailable as error:
                refused.append(error)

    writer = threading.Thread(target=write, daemon=True)
    with writer_lock(get_service("shelf").lock_dir, timeout_s=PATIENCE_S):
        writer.start()
        writer.join(PATIENCE_S)
        assert len(refused) == 1
    writer.join(PATIENCE_S)


def test_a_lock_that_is_free_is_had_though_time_is_up(seven_articles: Path) -> None:
    """What follows a write is done all the same: giving up helps nobody."""
    with deadlines.until(time.time() - 1):
        assert run("shelf", lambda: 7).value == 7
        with reads.reading("shelf") as snapshot:
            assert snapshot.position > 0
