"""Log lines of hits: all of them at leisure, some in a flood, and every hit accounted for."""

import re
import time

import pytest

from bookstore_project.api import headers
from bookstore_project.nodes.gateway.messages import problem, raw_headers
from frontend_app.gateway.access_log import LINES_PER_S, AccessLog
from frontend_app.monitoring.journal import Journal
from frontend_app.tests.support.asgi import HOST
from tests.asgi import scope_of

HIT = raw_headers([(headers.REQUEST_ID, "an-id"), (headers.CACHE, "hit"), (headers.REPLICA, "catalog-2")])
START = {"status": 200, "headers": HIT}
SCOPE = scope_of("GET", "/product/2", [HOST])


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "bookstore.request"]


def test_a_line_says_where_the_answer_came_from_and_how_long_it_took(caplog: pytest.LogCaptureFixture) -> None:
    AccessLog(Journal()).hit(SCOPE, START, time.perf_counter())
    (line,) = lines_of(caplog)
    assert re.fullmatch(r"GET /product/2 200 cache \d+\.\d ms", line)


def test_letters_that_were_sent_as_bytes_are_shown_percent_encoded(caplog: pytest.LogCaptureFixture) -> None:
    scope = {**SCOPE, "raw_path": "/product/é".encode(), "query_string": "q=é".encode()}
    AccessLog(Journal()).hit(scope, START, time.perf_counter())
    (line,) = lines_of(caplog)
    assert line.startswith("GET /product/%C3%A9?q=%C3%A9 200 ")


def test_a_refusal_of_the_gateway_has_its_line_and_a_push_none(caplog: pytest.LogCaptureFixture) -> None:
    log, answer = AccessLog(Journal()), problem("unavailable", "No.", "an-id")
    log.rejected(SCOPE, answer, time.perf_counter())
    log.rejected(scope_of("POST", "/internal/push/", [HOST]), answer, time.perf_counter())
    (line,) = lines_of(caplog)
    assert line.startswith("GET /product/2 503 front ")


def test_a_flood_is_told_by_every_nth_with_the_number_left_out(caplog: pytest.LogCaptureFixture) -> None:
    log, hits, seconds = AccessLog(Journal()), 40_000, 4
    began = [1000 + seconds * number / hits for number in range(hits)]
    written_at = []
    for moment in began:
        before = len(caplog.records)
        log.hit(SCOPE, START, moment)
        if len(caplog.records) > before:
            written_at.append(moment)
    lines = lines_of(caplog)
    assert LINES_PER_S * (seconds - 1) <= len(lines) <= LINES_PER_S * (seconds + 1)
    told = len(lines) + sum(int(found[1]) for line in lines if (found := re.search(r"\((\d+) more like it\)", line)))
    assert hits - hits / seconds / 10 <= told <= hits
    for second in range(seconds):  # Not the first ones of each second alone.
        assert sum(1000 + second + 0.5 <= moment < 1001 + second for moment in written_at) >= LINES_PER_S / 3


def test_at_leisure_every_hit_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    log = AccessLog(Journal())
    for number in range(100):
        log.hit(SCOPE, START, 1000 + number / 20)
    assert len(lines_of(caplog)) == 100
