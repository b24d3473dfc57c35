"""The day's page, for those who stand in the shop: what to hand out, what was sold, what runs low."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from bookstore_project.api import idempotency, permissions, problems
from bookstore_project.api.health import read_only
from bookstore_project.api.query_parameters import EARLIEST, LATEST
from bookstore_project.settings import topology
from frontend_app import responses, services
from frontend_app.dashboard import fault_views
from frontend_app.responses import Relay
from frontend_app.runtime import Front, front
from frontend_app.shop import admin_links, catalogue
from frontend_app.shop.catalogue import Found
from frontend_app.shop.pages import page, show

ROWS = 10
"""Of each list: who stands in the shop sees all of them at a glance."""
LONG_ROWS = 50
"""Of a list on a page of its own."""
STOCKS = {"low": "Runs low", "out": "Sold out"}
"""What is to be told of the stock, by the API's word for it."""
MOST_BOOKS = 100
"""Of those sold on a day, the order service tells no more."""
USUAL_HOURS = 24


def for_staff(view: Callable[[HttpRequest, str], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A page for staff that may see orders, to be read; the view is told whose it is."""

    @read_only
    @page
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        username = fault_views.who(request)["username"]
        if not username:
            return login(request.get_full_path())
        if not fault_views.sees_orders(request):
            raise permissions.forbidden(permissions.VIEW_ORDER)
        return view(request, username)

    return wrapped


@for_staff
def running_low(request: HttpRequest, username: str) -> HttpResponse:
    return _stock_page(request, username, "low")


@for_staff
def sold_out(request: HttpRequest, username: str) -> HttpResponse:
    return _stock_page(request, username, "out")


def _stock_page(request: HttpRequest, username: str, kind: str) -> HttpResponse:
    """All books that run low, or are sold out, page by page."""
    books = _Parts(front(), username).stock(kind, request.GET.get("page", "1"), LONG_ROWS)
    admin = admin_links.admin_of(front(), topology.CATALOG, request)
    context = {
        "title": STOCKS[kind],
        "kind": kind,
        "books": books,
        "older": _turned(books, "next"),
        "newer": _turned(books, "previous"),
        "admin": f"{admin}catalog_app/book/?stock={kind}" if admin else "",
        "source": books.source,
    }
    return show(request, "day_stock", context, status=books.status)


@for_staff
def day(request: HttpRequest, username: str) -> HttpResponse:
    """What staff needs of a day. A part that can't be had now says so, and the others are there."""
    shown = asked_day(request.GET.get("date", ""))
    number = " ".join(request.GET.get("number", "").split())
    parts = _Parts(front(), username)
    figures = parts.figures(shown)
    orders = parts.orders(number, request.GET.get("page", "1"))
    status = HTTPStatus.OK if orders.is_ok or not number else orders.status
    today = timezone.localdate()
    admin = admin_links.admin_of(front(), topology.ORDER, request)
    context = {
        "day": shown,
        "is_today": shown == today,
        "before": shown - datetime.timedelta(days=1),
        "after": shown + datetime.timedelta(days=1) if shown < today else None,
        "figures": figures,
        "hours": _hours(figures),
        "number": number,
        "may_change": permissions.is_allowed(request.user, permissions.CHANGE_ORDER),
        "orders": orders,
        "rows": [_row(order, shown) for order in orders.members.get("results", ())],
        "older": _page_of(orders, "next", shown, number),
        "newer": _page_of(orders, "previous", shown, number),
        "admin": f"{admin}order_app/order/" if admin else "",
        "most_books": MOST_BOOKS,
        "stocks": [(title, parts.stock(kind), kind) for kind, title in STOCKS.items()],
        "source": figures.source if figures.is_ok else None,
    }
    return show(request, "day", context, status=status)


def login(path: str) -> HttpResponse:
    return redirect(f"{reverse('rest_framework:login')}?next={quote(path)}")


def asked_day(text: str) -> datetime.date:
    """Today if none is asked for. Raises Invalid."""
    if not text:
        return timezone.localdate()
    try:
        asked = datetime.date.fromisoformat(text)
    except ValueError:
        asked = datetime.date.min
    if not EARLIEST <= asked.year <= LATEST:
        told = f"There is no page of that day. A day is written as 2030-12-24, in the years {EARLIEST} to {LATEST}."
        raise problems.Invalid({"date": ["Expected a day, such as 2030-12-24."]}, told=told)
    return asked


@dataclass(frozen=True)
class _Parts:
    """What the page asks the services for, on behalf of a member of staff."""

    front: Front
    username: str

    def figures(self, day: datetime.date) -> Found:
        return ask(lambda: services.read_day(self.front, f"date={day}", username=self.username))

    def orders(self, number: str, page_number: str) -> Found:
        """Those to hand out; with a number all that have it, whatever became of them."""
        wanted = {"number": number} if number else {"status": "completed"}
        query = {"page": page_number, "page_size": ROWS, **wanted}
        return ask(lambda: services.list_orders(self.front, urlencode(query), username=self.username))

    def stock(self, kind: str, page_number: str = "1", rows: int = ROWS) -> Found:
        query = {"stock": kind, "ordering": "quantity", "page": page_number, "page_size": rows}
        return ask(lambda: services.list_books(self.front, urlencode(query)))


def ask(service: Callable[[], Relay]) -> Found:
    """The answer, or in its place what the front itself has to say."""

    def answer() -> Relay:
        try:
            return service()
        except problems.StoreError as error:
            return responses.from_error(error)

    return catalogue.ask(answer)


def _row(order: Mapping[str, Any], shown: datetime.date) -> dict[str, Any]:
    lines = [{**line, "left": line["quantity"] - line.get("cancelled", 0)} for line in order["lines"]]
    number = catalogue.number_of(str(order["id"]))
    own = {"number": number, "lines": lines, "left": catalogue.left_of(order), "key": idempotency.new_key()}
    return {**order, **own, "undo": reopening(str(order["id"]), shown)}


def reopening(order_id: str, shown: datetime.date) -> str:
    """The address of the page that undoes a hand-out, and leads back to that day's page."""
    return f"{reverse('day-reopen')}?{urlencode({'order': order_id, 'date': shown})}"


def _page_of(orders: Found, which: str, day: datetime.date, number: str) -> str:
    """The address of the next or previous page of the orders; empty if there is none."""
    page_number = _number_of_page(orders, which)
    if not page_number:
        return ""
    query = {"date": day, "number": number, "page": page_number}
    return "?" + urlencode({name: value for name, value in query.items() if value}) + "#orders"


def _turned(books: Found, which: str) -> str:
    """The address of the next or previous page of a list that nothing else is asked of; empty if there is none."""
    page_number = _number_of_page(books, which)
    return f"?page={page_number}" if page_number else ""


def _number_of_page(found: Found, which: str) -> str:
    link = found.members.get(which)
    return QueryDict(urlsplit(link).query).get("page", "1") if link else ""


def _hours(figures: Found) -> int | None:
    """How many a day has on which the clock is changed."""
    if not figures.is_ok:
        return None
    begins, ends = (datetime.datetime.fromisoformat(figures.members[name]) for name in ("begins", "ends"))
    hours = round((ends - begins).total_seconds() / 3600)
    return None if hours == USUAL_HOURS else hours
