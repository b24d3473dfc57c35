"""What strangers can make the log say."""

import logging
import queue
import sys
from collections.abc import Iterator

import pytest
from django.test import Client

from bookstore_project.wire.logs import DroppingQueueHandler, TextFormatter, shorten_refusal


class Log:
    """What a node's log says."""

    def __init__(self) -> None:
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()

    def text(self) -> str:
        records = [self.records.get_nowait() for _ in range(self.records.qsize())]
        return "\n".join(TextFormatter().format(record) for record in records)


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    handler = DroppingQueueHandler(made.records)
    handler.addFilter(shorten_refusal)
    logger = logging.getLogger("django")
    logger.addHandler(handler)
    yield made
    logger.removeHandler(handler)


def test_a_request_for_an_unknown_host_is_one_short_line(log: Log) -> None:
    assert Client().get("/no-such-page/", headers={"Host": "evil.example"}).status_code == 400
    (line,) = log.text().splitlines()
    assert "warning" in line
    assert "evil.example" in line


def test_a_defect_keeps_its_traceback(log: Log) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("django.request").error("broken", exc_info=sys.exc_info())
    assert "Traceback" in log.text()


def test_every_handler_of_the_store_shortens_refusals() -> None:
    for name in ("django", "bookstore"):
        handlers = [handler for handler in logging.getLogger(name).handlers if handler.filters]
        assert handlers
        assert all(shorten_refusal in handler.filters for handler in handlers)
