"""Whatever is logged on the way of a write is logged under the id of the request that makes it."""

import logging
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes.logs import DroppingQueueHandler
from bookstore_project.replication.invalidation import set_pushes
from bookstore_project.replication.tests.support.books import reprice
from bookstore_project.settings import topology

Records = queue.Queue[logging.LogRecord]


@pytest.fixture
def records() -> Iterator[Records]:
    """What replication logs, as it is queued for the log."""
    found: Records = queue.Queue()
    handler = DroppingQueueHandler(found)
    logger = logging.getLogger("bookstore.replication")
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def test_a_warning_of_replication_has_the_id_of_the_write_that_met_the_fault(
    seven_books: Path, records: Records
) -> None:
    topology.database_file("catalog-2").unlink()
    accept_request_id("the-customer-1")
    reprice()
    record = records.get_nowait()
    assert record.getMessage().startswith("catalog-2 is out of sync")
    assert vars(record)["request_id"] == "the-customer-1"


def test_a_new_entry_is_offered_under_the_id_of_the_write(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: dict[str, set_pushes.SetPush] = {}
    monkeypatch.setattr(set_pushes, "enqueue", offered.__setitem__)
    accept_request_id("the-customer-2")
    reprice()
    assert offered["book:1"].request_id == "the-customer-2"
