"""What strangers can make the log say."""

import logging
import queue
import re
import sys
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from bookstore_project.wire.logs import DroppingQueueHandler, TextFormatter, shorten_refusal
from bookstore_project.wire.middleware import RequestMiddleware, access_log
from bookstore_project.wire.remarks import remark


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


def test_a_line_tells_the_time_to_the_millisecond_and_the_request() -> None:
    record = logging.LogRecord("bookstore.request", logging.WARNING, "", 0, "a %s", ("sentence",), None)
    record.created = 1_700_000_000.0574
    record.request_id = "me"
    text = TextFormatter().format(record)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.057 warning: a sentence  \[me\]", text)


def test_a_response_with_a_remark_is_logged_with_it_wherever_it_comes_from(rf: RequestFactory) -> None:
    lines: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = DroppingQueueHandler(lines)
    access_log.addHandler(handler)
    try:
        for path, more in (("/internal/sales/", ""), ("/internal/sales/", "for order 7"), ("/product/1", "")):
            answer = HttpResponse()
            if more:
                remark(answer, more)
            RequestMiddleware(lambda request, answer=answer: answer)(rf.get(path))  # type: ignore[misc]
    finally:
        access_log.removeHandler(handler)
    told = [lines.get_nowait().getMessage() for _ in range(lines.qsize())]
    assert len(told) == 2, "what machines ask all the time is quiet without a remark"
    assert told[0].startswith("GET /internal/sales/ 200")
    assert told[0].endswith(" ms (for order 7)")
    assert told[1].endswith(" ms")
