"""The pages of orders: one, for whoever knows its address, and the visitor's own."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import problems
from bookstore_project.api.health import read_only
from frontend_app import services
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import catalogue
from frontend_app.shop.pages import page, show


@read_only
@page
def order(request: HttpRequest, order_id: object) -> HttpResponse:
    """What was bought: for whoever knows the address."""
    found = catalogue.ask(lambda: services.read_order(front(), str(order_id)))
    if found.status == HTTPStatus.NOT_FOUND:
        raise problems.NotFound("There is no such order. Is the whole address there?")
    if not found.is_ok:
        raise problems.Unavailable(str(found.members.get("detail", "The orders can't be read now.")))
    context = {"order": found.members, "number": catalogue.number_of(str(order_id)), "source": found.source}
    return show(request, "order", context)


@read_only
@page
def orders(request: HttpRequest) -> HttpResponse:
    """The visitor's own, as his cookie knows them."""
    known = [(each, catalogue.number_of(each)) for each in baskets.read_orders(request)]
    return show(request, "orders", {"orders": known})
