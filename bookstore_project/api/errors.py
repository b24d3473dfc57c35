"""Turns every exception into a problem document, for DRF views and for everything else."""

import json
from http import HTTPStatus
from typing import Any

from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from bookstore_project.api import headers, permissions, problem_pages, problems
from bookstore_project.api.log_remarks import remark
from bookstore_project.api.renderers import BrowsableAPIRenderer
from bookstore_project.api.request_id import current_request_id
from bookstore_project.api.uploads import UploadTooLarge
from bookstore_project.nodes import redaction, unhandled_exceptions

TOLD_OF_FORMS: dict[type[Exception], tuple[str, str]] = {
    RequestDataTooBig: ("payload_too_large", "The form is larger than 1 MiB."),
    TooManyFieldsSent: ("parse_error", "The form has more fields than any page here sends."),
    TooManyFilesSent: ("parse_error", "The form has more files than any page here sends."),
}
"""In the place of the framework's own words, which name its settings."""
PLAIN = (BadRequest, MultiPartParserError, DisallowedModelAdminLookup, DisallowedModelAdminToField)
"""Whose own words say what is wrong with the request, and nothing of where the store lies or how it is set."""


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's hook: the response for an exception that a view raised, None for a real defect (500)."""
    error = _first_of_all(error, context)
    response = _answer(error, context)
    if response is not None and response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        request = context.get("request")
        unhandled_exceptions.log(getattr(request, "method", ""), getattr(request, "path", ""), error)
    return response and _as_page(response, context, error)


def _as_page(response: Response, context: dict[str, Any], error: Exception) -> HttpResponse:
    """For who prefers a page, of a view whose own tell of no problem; else the response as it is."""
    view, request = context.get("view"), context.get("request")
    if request is None or shows_problems(view) or not problem_pages.is_wanted(request.headers.get("Accept", "")):
        return response
    told = error.told if isinstance(error, problems.StoreError) else ""
    if isinstance(error, exceptions.PermissionDenied):
        told = permissions.in_words(getattr(view, "needs", {}), request.method)
    page = refusal(request, response.data["code"], response.data["detail"], told=told)
    # No WWW-Authenticate: a browser would cover the page with a dialogue of its own.
    for name in {"Retry-After", "Allow"} & set(response.headers):
        page[name] = response[name]
    return page


def shows_problems(view: Any) -> bool:
    """Whether the view's own pages tell of problems."""
    return any(issubclass(each, BrowsableAPIRenderer) for each in getattr(view, "renderer_classes", ()))


def _answer(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, RequestDataTooBig):
        error = problems.PayloadTooLarge("The request body is larger than 1 MiB.")
    if isinstance(error, problems.StoreError):
        set_rollback()
        response = Response(store_problem(error), status=error.status)
        if (wait_s := problems.wait_s(error)) is not None:
            response["Retry-After"] = str(wait_s)
        if "order" in error.extra:
            remark(response, f"order {error.extra['order']}")
        if error.is_repeat:
            response[headers.IDEMPOTENT_REPLAYED] = "true"
        response.exception = True
        return response
    answered = drf_exception_handler(error, context)
    if answered is not None:
        answered.data = api_problem(error, answered.status_code)
    return answered


def _first_of_all(error: Exception, context: dict[str, Any]) -> Exception:
    """A method that a route doesn't have is one that nobody may use: no login would help (RFC 9110, 15.5.6)."""
    view = context.get("view")
    if view is not None and isinstance(error, exceptions.NotAuthenticated | exceptions.PermissionDenied):
        method = context["request"].method
        if method not in view.allowed_methods:
            return exceptions.MethodNotAllowed(method)
    return error


def store_problem(error: problems.StoreError) -> dict[str, Any]:
    return problems.document(error.code, error.detail, current_request_id(), **error.extra)


def api_problem(error: Exception, status: int) -> dict[str, Any]:
    """The document for one of DRF's (or Django's) own exceptions."""
    if isinstance(error, exceptions.ValidationError):
        errors = flatten(error.detail)
        return problems.document("validation_error", problems.describe(errors), current_request_id(), errors=errors)
    code = problems.CODE_OF_STATUS.get(status, "internal_error")
    if isinstance(error, Http404 | PermissionDenied) or not isinstance(error, exceptions.APIException):
        detail = str(error) or f"{problems.TITLES[code][1]}."
    else:
        detail = str(error.detail)
    return problems.document(code, detail, current_request_id())


def flatten(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as `{field: [sentences]}`, nested fields joined by dots."""
    if isinstance(detail, dict):
        merged: dict[str, list[str]] = {}
        for field, value in detail.items():
            merged.update(flatten(value, f"{prefix}.{field}" if prefix else str(field)))
        return merged
    items = detail if isinstance(detail, list) else [detail]
    return {prefix or "non_field_errors": [str(item) for item in items]}


def problem_response(code: str, detail: str, **extra: Any) -> HttpResponse:
    """A problem document outside DRF."""
    body = problems.document(code, detail, current_request_id(), **extra)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    response = HttpResponse(text, status=body["status"], content_type=problems.CONTENT_TYPE)
    return _with_retry(response)


def _with_retry(response: HttpResponse) -> HttpResponse:
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(problems.RETRY_AFTER_S)
    return response


def explained(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Django's own views refuse a method without a word: a problem instead; other responses as they are."""
    if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or response.streaming or response.content:
        return response
    answer = refusal(request, "method_not_allowed", f"{request.method} is not allowed here.")
    for name, value in response.headers.items():
        if name != "Content-Type":  # Who may keep it, and what a browser may do with it, stays said.
            answer.headers.setdefault(name, value)
    answer.headers["Content-Length"] = str(len(answer.content))
    answer.cookies = response.cookies
    return answer


def refusal(
    request: HttpRequest, code: str, detail: str, *, told: str = "", wait_s: int | None = None, **extra: Any
) -> HttpResponse:
    """A problem document; for who prefers a page, one that needs neither a user nor a replica.

    `told`: what the page says in place of the detail, if its kind of problem has no words of its own for people, or
    others are meant. `wait_s`: what Retry-After says, in seconds; as its kind of problem has it by default.
    """
    if not problem_pages.is_wanted(request.headers.get("Accept", "")):
        response = problem_response(code, detail, **extra)
    else:
        wait = problem_pages.wait_of(code) if wait_s is None else wait_s
        sentence = told or problem_pages.told(code, detail)
        status, _ = problems.TITLES[code]
        # Who only looks may do so again, where the fault was ours.
        may_reload = request.method in ("GET", "HEAD") and status >= HTTPStatus.INTERNAL_SERVER_ERROR
        page = problem_pages.page(code, sentence, current_request_id(), wait, may_reload=may_reload)
        response = _with_retry(HttpResponse(page, status=status))
    if wait_s is not None:
        response["Retry-After"] = str(wait_s)
    return response


def forbidden_method(request: HttpRequest, *allowed: str) -> HttpResponse:
    """405, with the methods that are allowed."""
    response = refusal(request, "method_not_allowed", f"{request.method} is not allowed here.")
    response["Allow"] = ", ".join(allowed)
    return response


def store_refusal(request: HttpRequest, error: problems.StoreError) -> HttpResponse:
    """Of an error that a view outside DRF let through."""
    wait_s = problems.wait_s(error)
    response = refusal(request, error.code, error.detail, told=error.told, wait_s=wait_s, **error.extra)
    if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        unhandled_exceptions.log(request.method, request.path, error)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, UploadTooLarge):
        return refusal(request, "payload_too_large", str(exception), told=str(exception))
    for kind, (code, told) in TOLD_OF_FORMS.items():
        if isinstance(exception, kind):
            return refusal(request, code, told, told=told)
    if isinstance(exception, DisallowedHost):
        return refusal(request, "parse_error", "There is no shop of this name here: is the address right?")
    is_told = isinstance(exception, PLAIN) and str(exception)
    return refusal(request, "parse_error", str(exception) if is_told else "The request cannot be read.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, "permission_denied", str(exception) or "You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, "not_found", f"There is nothing at {redaction.cut(request.path)}.")


def server_error(request: HttpRequest) -> HttpResponse:
    try:
        return refusal(request, "internal_error", unhandled_exceptions.DETAIL)
    except Exception:
        # The page itself may be what is broken.
        unhandled_exceptions.log(request.method, request.path)
        return problem_response("internal_error", unhandled_exceptions.DETAIL)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """settings.CSRF_FAILURE_VIEW."""
    told = "This form is too old, or isn't from its own page. Load the page again, and send it once more."
    detail = f"{told} (CSRF check failed: {reason.removesuffix('.')}.)"
    return refusal(request, "permission_denied", detail, told=told)
