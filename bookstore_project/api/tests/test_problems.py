"""Every exception becomes one problem document: RFC 9457, with a code that maps to one status."""

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.response import Response

from bookstore_project.api import errors, headers, problems
from bookstore_project.api.problems import TITLES
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes.middleware import RequestMiddleware
from bookstore_project.replication.errors import WriteRefused

CASES: list[tuple[Exception, int, str]] = [
    (problems.NotFound("There is no book 7."), 404, "not_found"),
    (problems.Invalid({"price": ["Too dear."]}), 400, "validation_error"),
    (problems.PreconditionFailed("Changed."), 412, "precondition_failed"),
    (problems.PayloadTooLarge("Large."), 413, "payload_too_large"),
    (problems.UnsupportedEncoding("Odd."), 415, "unsupported_media_type"),
    (problems.IdempotencyConflict("Used."), 422, "idempotency_conflict"),
    (problems.Unavailable("Down."), 503, "unavailable"),
    (problems.OutcomeUnknown("Perhaps.", order="o", idempotency_key="k"), 503, "outcome_unknown"),
    (WriteRefused("A defect."), 500, "internal_error"),
    (RequestDataTooBig("x"), 413, "payload_too_large"),
    (Http404("Nothing here."), 404, "not_found"),
    (Http404(), 404, "not_found"),
    (PermissionDenied(), 403, "permission_denied"),
    (exceptions.ParseError(), 400, "parse_error"),
    (exceptions.NotAuthenticated(), 401, "not_authenticated"),
    (exceptions.AuthenticationFailed(), 401, "not_authenticated"),
    (exceptions.PermissionDenied(), 403, "permission_denied"),
    (exceptions.MethodNotAllowed("BREW"), 405, "method_not_allowed"),
    (exceptions.NotAcceptable(), 406, "not_acceptable"),
    (exceptions.UnsupportedMediaType("x/y"), 415, "unsupported_media_type"),
    (exceptions.Throttled(wait=1.2), 429, "throttled"),
    (exceptions.ValidationError({"a": {"b": ["no"]}, "c": "no"}), 400, "validation_error"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda value: type(value).__name__)
def test_every_exception_is_a_problem(error: Exception, status: int, code: str) -> None:
    accept_request_id("the-id")
    response = errors.exception_handler(error, {})
    assert isinstance(response, Response)
    document: dict[str, Any] = response.data
    assert (response.status_code, document["status"], document["code"]) == (status, status, code)
    assert (document["title"], document["request_id"]) == (TITLES[code][1], "the-id")
    assert document["type"] == f"urn:bookstore:problem:{code}"
    assert document["detail"]
    assert (response.headers.get("Retry-After") == "1") is (status == 503)


def test_a_defect_is_none_of_its_business() -> None:
    assert errors.exception_handler(RuntimeError("defect"), {}) is None


def test_nested_errors_are_flattened_with_dots() -> None:
    detail = {"a": {"b": ["no"], "c": {"d": "never"}}, "e": ["x", "y"]}
    assert errors.flatten(detail) == {"a.b": ["no"], "a.c.d": ["never"], "e": ["x", "y"]}
    assert errors.flatten(["alone"]) == {"non_field_errors": ["alone"]}


def test_a_repeated_refusal_says_so() -> None:
    for is_repeat, said in ((True, "true"), (False, None)):
        response = errors.exception_handler(problems.NotFound("No.", is_repeat=is_repeat), {})
        assert response is not None
        assert response.headers.get(headers.IDEMPOTENT_REPLAYED) == said


def test_extra_members_stand_in_the_document() -> None:
    response = errors.exception_handler(problems.OutcomeUnknown("?", order="o", idempotency_key="k"), {})
    assert isinstance(response, Response)
    assert (response.data["order"], response.data["idempotency_key"]) == ("o", "k")


def test_each_status_without_a_code_of_its_own_has_one() -> None:
    for status, code in problems.CODE_OF_STATUS.items():
        assert TITLES[code][0] == status


def test_a_store_error_outside_the_api_is_a_problem_too() -> None:
    middleware = RequestMiddleware(errors.server_error)
    request = RequestFactory().get("/admin/")
    response = middleware.process_exception(request, problems.Unavailable("Down."))
    assert response is not None
    assert (response.status_code, response["Content-Type"]) == (503, problems.CONTENT_TYPE)
    assert json.loads(response.content)["detail"] == "Down."
    assert middleware.process_exception(request, RuntimeError()) is None
