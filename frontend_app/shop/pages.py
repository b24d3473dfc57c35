"""What all pages of the shop have in common: they need no script, no account and, to buy a single book, no cookie."""

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from bookstore_project.api import errors, problem_pages, problems
from bookstore_project.api.renderers import canonical_json
from frontend_app.dashboard import fault_views
from frontend_app.monitoring.trace import current_trace
from frontend_app.shop import lost_cookies, made_changes, own_orders, single_purchases

View = Callable[..., HttpResponse]
NON_FIELD = "non_field_errors"


def page(view: View) -> View:
    """A page of the shop: problems are told in it, and so is what the browser kept and can't be read."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        def answer() -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except problems.StoreError as error:
                return problem(request, error)

        response = lost_cookies.told(request, answer)
        for kept in (made_changes, own_orders, single_purchases):
            kept.keep(request, response)
        return response

    return wrapped


def problem(request: HttpRequest, error: problems.StoreError) -> HttpResponse:
    """A problem in a page of its own."""
    is_change = request.method == "POST"
    context = {"problem": errors.store_problem(error), "told": problem_pages.told_of(error), "is_change": is_change}
    return show(request, "problem", context, status=error.status, wait_s=problems.wait_s(error))


def changes(view: View) -> View:
    """A page that a form is sent to. No CSRF token: who refuses cookies buys, too, and other origins are refused."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return errors.forbidden_method(request, "POST")
        return page(with_form)(request, *args, **kwargs)

    def with_form(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        _check_form(request)
        return view(request, *args, **kwargs)

    return wrapped


def _check_form(request: HttpRequest) -> None:
    """Reads it; raises PayloadTooLarge or Invalid in words for customers."""
    try:
        _ = request.POST
    except RequestDataTooBig as error:
        told = errors.TOLD_OF_FORMS[RequestDataTooBig][1]
        raise problems.PayloadTooLarge(told, told=told) from error
    except TooManyFieldsSent as error:
        raise problems.Invalid({NON_FIELD: [errors.TOLD_OF_FORMS[TooManyFieldsSent][1]]}) from error


def show(
    request: HttpRequest,
    name: str,
    context: Mapping[str, Any],
    *,
    status: int = HTTPStatus.OK,
    wait_s: int | None = None,
) -> HttpResponse:
    """That page of the shop. One that is about a `problem` (a problem document) has advice, and Retry-After with it.

    It says `told`, if that is given, or the document's detail in words for people.

    Who doesn't prefer a page gets that document.
    """
    shop = {"name": settings.SHOP_NAME, "currency": settings.CURRENCY}
    told: dict[str, Any] = {"shop": shop, **context}
    document: Mapping[str, Any] | None = context.get("problem")
    if document is not None:
        code = str(document.get("code"))
        wait_s = problem_pages.wait_of(code) if wait_s is None else wait_s
        title = problem_pages.HEADINGS.get(code, document.get("title"))
        sentence = context.get("told") or problem_pages.told(code, str(document.get("detail", "")))
        retry = problem_pages.retry_in_words(wait_s)
        # Who only looks knows that nothing was changed, and needs no more than the same page once more.
        may_reload = bool(retry) and request.method in ("GET", "HEAD")
        advice = retry if may_reload else problem_pages.advice(code, wait_s)
        words = {"title": title, "detail": sentence, "advice": advice, "retry": retry, "may_reload": may_reload}
        told["problem"] = {**document, **words}
    if document is not None and not problem_pages.is_wanted(request.headers.get("Accept", "")):
        response = HttpResponse(canonical_json(document), status=status, content_type=problems.CONTENT_TYPE)
    else:
        told = {"basket": made_changes.read(request), **fault_views.who(request), **told}
        told["sees_orders"] = bool(told["username"]) and fault_views.sees_orders(request)
        told["source"] = told.get("source") or current_trace().source()
        response = render(request, f"shop/{name}.html", told, status=status)
    if wait_s is not None:
        response["Retry-After"] = str(wait_s)
    return response
