"""The day's page, for those who stand in the shop: what to hand out, what was sold, what runs low."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from bookstore_project.api import permissions, problems
from bookstore_project.api.health import read_only
from bookstore_project.api.query_parameters import EARLIEST, LATEST
from frontend_app import responses, services
from frontend_app.dashboard import fault_views
from frontend_app.responses import Relay
from frontend_app.runtime import Front, front
from frontend_app.shop import catalogue
from frontend_app.shop.catalogue import Found
from frontend_app.shop.pages import page, show

ROWS = 10
"""Of each list: who stands in the shop sees all of them at a glance."""
USUAL_HOURS = 24


@read_only
@page
def day(request: HttpRequest) -> HttpResponse:
    """For staff that may see orders. A part that can't be had now says so, and the others are there."""
    username = fault_views.who(request)["username"]
    if not username:
        return redirect(f"{reverse('rest_framework:login')}?next={quote(request.get_full_path())}")
    if not fault_views.sees_orders(request):
        raise problems.Forbidden(permissions.told(permissions.VIEW_ORDER))
    shown = _asked_day(request.GET.get("date", ""))
    number = " ".join(request.GET.get("number", "").split())
    parts = _Parts(front(), username)
    figures = parts.figures(shown)
    orders = parts.orders(number, request.GET.get("page", "1"))
    status = HTTPStatus.OK if orders.is_ok or not number else orders.status
    context = {
        "day": shown,
        "is_today": shown == timezone.localdate(),
        "before": shown - datetime.timedelta(days=1),
        "after": shown + datetime.timedelta(days=1),
        "figures": figures,
        "hours": _hours(figures),
        "number": number,
        "orders": orders,
        "rows": [_row(order) for order in orders.members.get("results", ())],
        "older": _page_of(orders, "next", shown, number),
        "newer": _page_of(orders, "previous", shown, number),
        "stocks": [("Runs low", parts.stock("low"), "low"), ("Sold out", parts.stock("out"), "out")],
        "source": figures.source if figures.is_ok else None,
    }
    return show(request, "day", context, status=status)


def _asked_day(text: str) -> datetime.date:
    """Today if none is asked for. Raises Invalid."""
    if not text:
        return timezone.localdate()
    try:
        asked = datetime.date.fromisoformat(text)
    except ValueError:
        asked = datetime.date.min
    if not EARLIEST <= asked.year <= LATEST:
        raise problems.Invalid({"date": ["Expected a day, such as 2030-12-24."]})
    return asked


@dataclass(frozen=True)
class _Parts:
    """What the page asks the services for, on behalf of a member of staff."""

    front: Front
    username: str

    def figures(self, day: datetime.date) -> Found:
        return _ask(lambda: services.read_day(self.front, f"date={day}", username=self.username))

    def orders(self, number: str, page_number: str) -> Found:
        query = {"page": page_number, "page_size": ROWS} | ({"number": number} if number else {})
        return _ask(lambda: services.list_orders(self.front, urlencode(query), username=self.username))

    def stock(self, stock: str) -> Found:
        query = {"stock": stock, "ordering": "quantity", "page_size": ROWS}
        return _ask(lambda: services.list_books(self.front, urlencode(query)))


def _ask(service: Callable[[], Relay]) -> Found:
    """The answer, or in its place what the front itself has to say."""

    def answer() -> Relay:
        try:
            return service()
        except problems.StoreError as error:
            return responses.from_error(error)

    return catalogue.ask(answer)


def _row(order: Mapping[str, Any]) -> dict[str, Any]:
    return {**order, "number": catalogue.number_of(str(order["id"]))}


def _page_of(orders: Found, which: str, day: datetime.date, number: str) -> str:
    """The address of the next or previous page of the orders; empty if there is none."""
    link = orders.members.get(which)
    if not link:
        return ""
    numbers = QueryDict(urlsplit(link).query).get("page", "1")
    query = {"date": day, "number": number, "page": numbers}
    return "?" + urlencode({name: value for name, value in query.items() if value}) + "#orders"


def _hours(figures: Found) -> int | None:
    """How many a day has on which the clock is changed."""
    if not figures.is_ok:
        return None
    begins, ends = (datetime.datetime.fromisoformat(figures.members[name]) for name in ("begins", "ends"))
    hours = round((ends - begins).total_seconds() / 3600)
    return None if hours == USUAL_HOURS else hours
