"""Notes, from the day's page, that an order was handed out, and that this was a mistake: each once per form."""

import json
import uuid
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from bookstore_project.api import errors, idempotency, permissions, problem_pages, problems
from bookstore_project.api.representations import REASON_LENGTH
from frontend_app import services
from frontend_app.dashboard import fault_views
from frontend_app.runtime import front
from frontend_app.shop import catalogue, forms
from frontend_app.shop.catalogue import Found
from frontend_app.shop.day import ask, asked_day, login, reopening
from frontend_app.shop.pages import page, show

COLLECTED = "collected"
REFUSED = {
    problems.Unavailable.code: "That can’t be noted just now. Try again in a moment.",
    problems.OutcomeUnknown.code: "It isn’t known yet whether that was noted. In a moment, this page shows it.",
}
"""What can't be said of an order's hand-out yet, by the kind of problem."""


def for_keepers(view: Callable[[HttpRequest, str], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A page for staff that may change orders; the view is told whose it is."""

    @page
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        username = fault_views.who(request)["username"]
        if not username:
            return login(request.get_full_path() if request.method == "GET" else reverse("day"))
        if not permissions.is_allowed(request.user, permissions.CHANGE_ORDER):
            raise permissions.forbidden(permissions.CHANGE_ORDER)
        return view(request, username)

    return wrapped


def collect(request: HttpRequest) -> HttpResponse:
    """Notes that an order was handed out, once per form; then the day's page again, which says so."""
    return _collect(request) if request.method == "POST" else errors.forbidden_method(request, "POST")


@for_keepers
def _collect(request: HttpRequest, username: str) -> HttpResponse:
    # All of the form is judged before anything is done: who sees it refused takes it that nothing was.
    order_id, key = _order_id(request.POST.get("order", "")), request.POST.get("key", "")
    shown = asked_day(request.POST.get("date", ""))
    found = _change(order_id, "collect", "", username=username, key=key)
    number = catalogue.number_of(order_id)
    if not found.is_ok:
        _tell_refusal(request, number, found)
    elif found.members["status"] == COLLECTED:
        undo = reopening(order_id, shown)
        told = format_html('Order {} was handed out. <a href="{}">Undo that</a>', number, undo)
        messages.success(request, told)
    else:
        messages.warning(request, f"Order {number}: that form was sent before, and undone since. Nothing was noted.")
    return _to_the_day(shown)


def reopen(request: HttpRequest) -> HttpResponse:
    """Asks why a hand-out is undone; a form that was sent undoes it, once, and leads to the day's page."""
    if request.method not in ("GET", "HEAD", "POST"):
        return errors.forbidden_method(request, "GET", "HEAD", "POST")
    return _reopen(request)


@for_keepers
def _reopen(request: HttpRequest, username: str) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    order_id, shown = _order_id(sent.get("order", "")), asked_day(sent.get("date", ""))
    key, reason = sent.get("key", ""), " ".join(sent.get("reason", "").split())
    if request.method != "POST" and not idempotency.is_key(key):
        # In the address, as a browser that goes back asks for the page again.
        return _see_other(f"{reopening(order_id, shown)}&{urlencode({'key': idempotency.new_key()})}")
    number = catalogue.number_of(order_id)
    if request.method != "POST":
        context = {"order_id": order_id, "number": number, "day": shown, "key": key, "longest": REASON_LENGTH}
        return show(request, "reopen", context)
    if not reason:
        told = "Say why the hand-out is undone."
        raise problems.Invalid({"reason": [told]}, told=told)
    found = _change(order_id, "reopen", reason, username=username, key=key)
    if not found.is_ok:
        _tell_refusal(request, number, found)
    elif found.members["status"] != COLLECTED:
        messages.success(request, f"Order {number} isn’t noted as handed out any more.")
    else:
        messages.warning(request, f"Order {number}: that form was sent before, and it was handed out since.")
    return _to_the_day(shown)


def _change(order_id: str, what: str, reason: str, *, username: str, key: str) -> Found:
    body = json.dumps({"reason": reason}).encode()
    path = f"/api/v1/orders/{order_id}/{what}/"
    return ask(lambda: services.change_order(front(), path, body, username=username, key=key))


def _tell_refusal(request: HttpRequest, number: str, found: Found) -> None:
    code, detail = str(found.members.get("code")), str(found.members.get("detail", ""))
    told = REFUSED.get(code) or problem_pages.told(code, detail)
    messages.error(request, f"Order {number}: {told}")


def _order_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise problems.Invalid({"order": ["Expected the id of an order."]}, told=forms.INCOMPLETE) from error


def _to_the_day(shown: object) -> HttpResponse:
    return _see_other(f"{reverse('day')}?date={shown}#orders")


def _see_other(address: str) -> HttpResponse:
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)
