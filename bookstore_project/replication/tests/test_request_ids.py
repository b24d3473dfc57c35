"""Whatever is logged on the way of a write is logged under the id of the request that makes it."""

import logging
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes.logs import DroppingQueueHandler
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.tests.support.articles import reprice

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
    seven_articles: Path, records: Records
) -> None:
    replication_settings.files["shelf-2"].unlink()
    accept_request_id("the-customer-1")
    reprice()
    record = records.get_nowait()
    assert record.getMessage().startswith("shelf-2 is out of sync")
    assert vars(record)["request_id"] == "the-customer-1"
