"""What all pages of the shop have in common: they need no script, no account and, to buy a single book, no cookie."""

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from bookstore_project.api import errors, problems
from frontend_app.dashboard import fault_views
from frontend_app.shop import basket as baskets

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """A page of the shop: problems are told in it."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except problems.StoreError as error:
            context = {"problem": error, "is_change": request.method == "POST"}
            response = show(request, "problem", context, status=error.status)
            if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
                response["Retry-After"] = str(problems.RETRY_AFTER_S)
        return response

    return wrapped


def changes(view: View) -> View:
    """A page that a form is sent to. No CSRF token: who refuses cookies buys, too, and other origins are refused."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            refused = errors.refusal(request, "method_not_allowed", f"{request.method} is not allowed here.")
            refused["Allow"] = "POST"
            return refused
        return page(view)(request, *args, **kwargs)

    return wrapped


def show(request: HttpRequest, name: str, context: Mapping[str, Any], *, status: int = HTTPStatus.OK) -> HttpResponse:
    shop = {"name": settings.SHOP_NAME, "currency": settings.CURRENCY}
    told = {"shop": shop, "basket": baskets.read(request), **fault_views.who(request), **context}
    told["sees_orders"] = bool(told["username"]) and fault_views.sees_orders(request)
    return render(request, f"shop/{name}.html", told, status=status)
