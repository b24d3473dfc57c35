"""Batches of other nodes are answered part by part, without Django; all else is left to it."""

import json
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings

from bookstore_project.api import headers, problems
from bookstore_project.api.request_id import current_request_id
from bookstore_project.nodes import batches, deadlines
from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.nodes.gateway.batches import Batches, problem_of
from bookstore_project.nodes.gateway.messages import Outgoing
from bookstore_project.nodes.gateway.threads import run_wsgi

PATH = "/internal/tests/"
FAR = "4000000000.0"


def echo(parts: Sequence[Part]) -> list[Answer]:
    return [Answer(201, part.body, {"Location": "/there/"}, f" (said {len(part.body)})") for part in parts]


def refuse(parts: Sequence[Part]) -> list[Answer]:
    error = problems.Unavailable("Out of sync.", service="shelf")
    return [problem_of(error, PATH, part) for part in parts]


def refuse_one(parts: Sequence[Part]) -> list[Answer]:
    return [*refuse(parts[:1]), *echo(parts[1:])]


def refuse_and_lose(parts: Sequence[Part]) -> list[Answer]:
    lost = problems.OutcomeUnknown("It may be sold.", order="its-own")
    return [*refuse(parts[:1]), *(problem_of(lost, PATH, part) for part in parts[1:])]


def break_(parts: Sequence[Part]) -> list[Answer]:
    raise ZeroDivisionError


def tell_deadline(parts: Sequence[Part]) -> list[Answer]:
    return [Answer(200, f"{deadlines.current()} {current_request_id()}".encode()) for _ in parts]


@pytest.fixture
def answered_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    return lambda function: monkeypatch.setitem(batches._answering, PATH, f"{__name__}.{function.__name__}")


def django(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"Django"]


def send(
    body: bytes, *, path: str = batches.PREFIX + PATH, method: str = "POST", token: str | None = None
) -> Outgoing:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        headers.environ_name(headers.SERVICE_TOKEN): settings.SERVICE_TOKEN if token is None else token,
        headers.environ_name(headers.REQUEST_ID): "of-the-batch",
    }
    return run_wsgi(Batches(django), environ)


def batch(*bodies: bytes, deadline: str = FAR) -> bytes:
    return batches.encode(
        ({"headers": {headers.REQUEST_ID: f"part-{number}", headers.DEADLINE: deadline}}, body)
        for number, body in enumerate(bodies)
    )


def test_each_part_has_its_answer_and_its_log_line(
    answered_by: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    answered_by(echo)
    answer = send(batch(b"one", b"three"))
    assert answer.status == 200
    frames = batches.decode(answer.body)
    assert frames == [({"status": 201, "headers": {"Location": "/there/"}}, body) for body in (b"one", b"three")]
    noted = [record for record in caplog.records if record.name == "bookstore.request"]
    lines = {vars(record)["request_id"]: record.getMessage() for record in noted}
    assert lines.keys() == {"part-0", "part-1"}
    assert lines["part-1"].startswith(f"POST {PATH} 201 ")
    assert lines["part-1"].endswith("(said 5)")


@pytest.mark.parametrize("function", [refuse, refuse_one])
def test_a_refusal_of_each_is_its_own(answered_by: Callable[[Any], None], function: Callable[..., Any]) -> None:
    answered_by(function)
    answer = send(batch(b"a", b"b"))
    assert answer.status == 200
    frames = batches.decode(answer.body)
    refused = [json.loads(body) for members, body in frames if members["status"] == 503]
    assert [document["request_id"] for document in refused] == ["part-0", "part-1"][: len(refused)]


def test_what_is_unknown_of_one_stays_so_where_the_others_are_refused(answered_by: Callable[[Any], None]) -> None:
    answered_by(refuse_and_lose)
    frames = batches.decode(send(batch(b"a", b"b")).body)
    assert [members["status"] for members, _ in frames] == [503, 503]
    assert [json.loads(body)["code"] for _, body in frames] == ["unavailable", "outcome_unknown"]


def test_a_defect_is_an_internal_error_of_each_and_leaves_a_traceback(
    answered_by: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    answered_by(break_)
    frames = batches.decode(send(batch(b"a", b"b")).body)
    assert [members["status"] for members, _ in frames] == [500, 500]
    assert [json.loads(body)["request_id"] for _, body in frames] == ["part-0", "part-1"]
    assert any(record.exc_info for record in caplog.records)


def test_what_nobody_waits_for_any_more_is_not_begun(answered_by: Callable[[Any], None]) -> None:
    answered_by(break_)
    ((members, body),) = batches.decode(send(batch(b"a", deadline="1.0")).body)
    assert (members["status"], json.loads(body)["code"]) == (503, "unavailable")


def test_work_is_done_by_the_last_deadline_and_under_the_first_id(answered_by: Callable[[Any], None]) -> None:
    answered_by(tell_deadline)
    ((_, told),) = batches.decode(send(batch(b"a")).body)
    assert told == f"{float(FAR)} part-0".encode()


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"1 1\n{",
        batches.encode([({}, b"")]),
        batches.encode([({"headers": []}, b"")]),
        batch(b"", deadline="nan"),
    ],
    ids=["no batch", "cut", "no headers", "headers of another kind", "no time"],
)
def test_what_cannot_be_read_is_a_bad_request(answered_by: Callable[[Any], None], body: bytes) -> None:
    answered_by(echo)
    answer = send(body)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "parse_error")


def test_a_batch_of_nothing_has_no_answers(answered_by: Callable[[Any], None]) -> None:
    answered_by(break_)
    assert (send(b"").status, send(b"").body) == (200, b"")


@pytest.mark.parametrize(
    "asked",
    [
        {"token": ""},
        {"token": "wrong"},
        {"token": "\u00e9"},
        {"method": "GET"},
        {"path": PATH},
        {"path": f"{batches.PREFIX}/elsewhere/"},
        {"path": batches.PREFIX},
    ],
    ids=str,
)
def test_all_else_is_left_to_django(answered_by: Callable[[Any], None], asked: dict[str, str]) -> None:
    answered_by(echo)
    assert send(batch(b"a"), **asked).body == b"Django"
