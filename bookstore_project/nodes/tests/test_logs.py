"""What strangers can make the log say."""

import logging
import queue
import re
import sys
from collections.abc import Iterator
from functools import partial

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from bookstore_project.api.log_remarks import remark
from bookstore_project.nodes import logs
from bookstore_project.nodes.access_log import access_log
from bookstore_project.nodes.logs import (
    LONGEST_MESSAGE,
    LONGEST_TRACEBACK,
    DroppingQueueHandler,
    TextFormatter,
    shorten,
    shorten_refusal,
)
from bookstore_project.nodes.middleware import RequestMiddleware


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
    handler.addFilter(shorten)
    loggers = [logging.getLogger(name) for name in ("django", "bookstore.defects")]
    for logger in loggers:
        logger.addHandler(handler)
    yield made
    for logger in loggers:
        logger.removeHandler(handler)


def test_a_request_for_an_unknown_host_is_one_short_line(log: Log) -> None:
    assert Client().get("/no-such-page/", headers={"Host": "evil.example"}).status_code == 400
    (line,) = log.text().splitlines()
    assert "warning" in line
    assert "evil.example" in line


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_line_begins_with_its_time_in_utc(settings: Settings, zone: str) -> None:
    settings.TIME_ZONE = zone
    record = logging.LogRecord("bookstore", logging.INFO, "", 0, "Hello", None, None)
    record.created = 1_900_000_000.1239
    assert TextFormatter().format(record) == "17:46:40.123 Hello"


def test_a_defect_keeps_its_traceback(log: Log) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("bookstore.defects").error("broken", exc_info=sys.exc_info())
    assert "Traceback" in log.text()


def test_every_handler_of_the_store_shortens_what_it_says() -> None:
    for name in ("django", "bookstore"):
        handlers = [handler for handler in logging.getLogger(name).handlers if handler.filters]
        assert handlers
        assert all({shorten_refusal, shorten} <= set(handler.filters) for handler in handlers)


def test_a_line_tells_the_time_to_the_millisecond_and_the_request() -> None:
    record = logging.LogRecord("bookstore.request", logging.WARNING, "", 0, "a %s", ("sentence",), None)
    record.created = 1_700_000_000.0574
    record.request_id = "me"
    text = TextFormatter().format(record)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.057 warning: a sentence  \[me\]", text)


def same(answer: HttpResponse, request: HttpRequest) -> HttpResponse:
    return answer


def test_a_response_with_a_remark_is_logged_with_it_wherever_it_comes_from(rf: RequestFactory) -> None:
    lines: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = DroppingQueueHandler(lines)
    access_log.addHandler(handler)
    try:
        for path, more in (("/internal/sales/", ""), ("/internal/sales/", "for order 7"), ("/product/1", "")):
            answer = HttpResponse()
            if more:
                remark(answer, more)
            RequestMiddleware(partial(same, answer))(rf.get(path))
    finally:
        access_log.removeHandler(handler)
    told = [lines.get_nowait().getMessage() for _ in range(lines.qsize())]
    assert len(told) == 2, "what machines ask all the time is quiet without a remark"
    assert told[0].startswith("GET /internal/sales/ 200")
    assert told[0].endswith(" ms (for order 7)")
    assert told[1].endswith(" ms")


def test_no_line_is_as_long_as_a_request(log: Log) -> None:
    assert Client().get("/no-such-page/", headers={"Host": f"{'x' * 60_000}.example"}).status_code == 400
    (line,) = log.text().splitlines()
    assert "…[+" in line
    assert len(line) < LONGEST_MESSAGE + 100


def test_a_traceback_is_cut_in_its_middle(log: Log) -> None:
    try:
        raise ZeroDivisionError("x" * 100_000)
    except ZeroDivisionError:
        logging.getLogger("bookstore.defects").error("broken", exc_info=sys.exc_info())
    text = log.text()
    assert "Traceback" in text
    assert "…[+" in text
    assert len(text) < LONGEST_TRACEBACK + LONGEST_MESSAGE


def test_the_line_of_a_request_is_short_whatever_is_asked_for(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    token = "8b1a9953c4611296a827abf8c47804d7e6c49c6b"
    request = rf.generic("BREW" * 1000, "/" + "\U0001f4da" * 15_000, QUERY_STRING=f"token={token}&page=2")
    answer = HttpResponse()
    remark(answer, "y" * 5000)
    RequestMiddleware(lambda _: answer)(request)
    (record,) = [record for record in caplog.records if record.name == "bookstore.request"]
    line = record.getMessage()
    assert token not in line
    assert "?page=2&…" in line
    assert len(line) < LONGEST_MESSAGE


def test_a_full_queue_costs_lines_and_the_next_one_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "QUEUE_LENGTH", 2)
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = DroppingQueueHandler(lines)
    for number in range(5):
        handler.handle(logging.makeLogRecord({"msg": f"line {number}"}))
    assert [lines.get_nowait().getMessage() for _ in range(2)] == ["line 0", "line 1"]
    for number in (5, 6):
        handler.handle(logging.makeLogRecord({"msg": f"line {number}"}))
    assert [lines.get_nowait().getMessage() for _ in range(2)] == ["line 5 [3 lines left out]", "line 6"]
