"""The pages of orders: one, for whoever knows its address, and the visitor's own."""

from django.http import HttpRequest, HttpResponse

from bookstore_project.api.health import read_only
from frontend_app.runtime import front
from frontend_app.shop import catalogue, own_orders
from frontend_app.shop.pages import page, show


@read_only
@page
def order(request: HttpRequest, order_id: object) -> HttpResponse:
    """What was bought: for whoever knows the address."""
    found = catalogue.order_found(front(), str(order_id))
    context = {"order": found.members, "number": catalogue.number_of(str(order_id)), "source": found.source}
    return show(request, "order", context)


@read_only
@page
def orders(request: HttpRequest) -> HttpResponse:
    """The visitor's own, as his cookie knows them."""
    known = [(each, catalogue.number_of(each)) for each in own_orders.read(request)]
    return show(request, "orders", {"orders": known})
