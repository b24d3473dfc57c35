"""The order service's routes: parse, call, render."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api import headers, permissions, problems, representations
from bookstore_project.api.cursors import Cursor
from bookstore_project.api.fields import BoundedListField
from bookstore_project.api.idempotency import checked_key
from bookstore_project.api.log_remarks import remark
from bookstore_project.api.pagination import Pages, checked_query, page_by_key
from bookstore_project.api.parameters import CSV, IDEMPOTENCY_KEY
from bookstore_project.api.permissions import IsService
from bookstore_project.api.query_parameters import NEWEST_FIRST, DayQuery, OrderFilters, OrderQuery
from bookstore_project.api.renderers import CSVRenderer, JSONRenderer
from bookstore_project.api.sales import Line
from bookstore_project.api.schema_notes import described
from bookstore_project.replication.web.views import ReplicaView
from bookstore_project.settings import topology
from order_app import selectors
from order_app.exporting import export
from order_app.figures import Day
from order_app.models import Order
from order_app.purchase import order_finish, purchase
from order_app.serializers import day_body, order_data, order_in_short

MOST_AT_ONCE = 50


class PurchaseView(ReplicaView):
    """What buying by either route has in common."""

    service = topology.ORDER
    serializer_class: type[serializers.Serializer[Any]] = representations.PurchaseInput

    def buy(self, request: Request, lines: Sequence[Line]) -> Response:
        is_from_node = getattr(request.user, "is_service", False)
        bought = self.committed(
            purchase(
                key=checked_key(request.headers.get(headers.IDEMPOTENCY_KEY)),
                lines=lines,
                deadline=self.deadline(request),
                is_first_attempt=is_from_node and request.headers.get(headers.FIRST_ATTEMPT) == "1",
            )
        )
        response = Response(order_data(bought.order), status=status.HTTP_201_CREATED)
        remark(response, f"order {bought.order.pk}")
        response["Location"] = f"/api/v1/orders/{bought.order.pk}/"
        if bought.is_repeat:
            response[headers.IDEMPOTENT_REPLAYED] = "true"
        return response


class OrderList(PurchaseView):
    """Orders."""

    pagination_class = Pages
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER, "POST": permissions.ANYBODY}

    @described(operation_id="orders_list", parameters=[OrderQuery], responses=representations.OrderPage)
    def get(self, request: Request) -> Response:
        """All orders, newest first (staff)."""
        query = checked_query(OrderQuery, request)
        with self.reading():
            orders = selectors.orders_matching(query)
            if "after" in query:
                return self.page_behind(orders, query)
            return self.page_of(orders, order_data)

    def page_behind(self, orders: QuerySet[Order], query: Mapping[str, Any]) -> Response:
        """The page by key that is asked for."""
        size, after = query["page_size"], query["after"]
        older = orders.filter(sale__lt=after.id) if isinstance(after, Cursor) else orders
        found = list(older[: size + 1])

        def cursor(order: Order) -> Cursor:
            return Cursor(NEWEST_FIRST, order.sale)

        return Response(page_by_key(self.request, found, size, orders.count(), render=order_data, cursor=cursor))

    @described(
        operation_id="orders_create",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.PURCHASE_BODIES,
        responses={201: representations.OrderFields},
    )
    def post(self, request: Request) -> Response:
        """Buy copies of a book, or of several (`lines`): all of them, or none."""
        return self.buy(request, [Line(**line) for line in self.checked(request)["lines"]])


class OrderExport(ReplicaView):
    """Orders as a file."""

    service = topology.ORDER
    renderer_classes = (JSONRenderer, CSVRenderer)
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER}

    @described(operation_id="orders_export", parameters=[OrderFilters], responses=CSV)
    def get(self, request: Request) -> FileResponse:
        """Orders and their lines as CSV, as of one moment: a row for each line, with the list's filters (staff)."""
        query = checked_query(OrderFilters, request)
        with self.reading():
            return export(selectors.orders_matching(query))


class DayView(ReplicaView):
    """A day of the shop."""

    service = topology.ORDER
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER}

    @described(operation_id="orders_day", parameters=[DayQuery], responses=representations.DayFields)
    def get(self, request: Request) -> Response:
        """Orders, copies and takings of a day, and what was sold (staff)."""
        query = checked_query(DayQuery, request)
        with self.reading():
            return Response(day_body(Day(query.get("date") or timezone.localdate())))


class BookPurchase(PurchaseView):
    """Buy the book that the address names."""

    permission_classes = (AllowAny,)
    serializer_class = representations.QuantityInput

    @described(
        operation_id="purchase",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.QuantityInput,
        responses={201: representations.OrderFields},
    )
    def post(self, request: Request, book_id: int) -> Response:
        """Buy copies of this book; an empty body is one copy."""
        if not 1 <= book_id <= representations.MAX_BOOK_ID:
            raise problems.NotFound(f"There is no book {book_id}.")
        return self.buy(request, [Line(book_id, **self.checked(request))])


class OrderDetail(ReplicaView):
    """One order: its address is known to whoever bought it."""

    service = topology.ORDER

    @described(operation_id="orders_retrieve", responses=representations.OrderFields)
    def get(self, request: Request, order_id: uuid.UUID) -> Response:
        """What was bought, at the price at which it was sold."""
        with self.reading():
            order = selectors.order_find(order_id)
        if order is None:
            # Who was told that it is bought, and not more, may ask before it is written.
            finished = order_finish(order_id)
            if finished is None:
                raise problems.NotFound(f"There is no order {order_id}.")
            order = self.committed(finished).order
        return Response(order_data(order))


@described(exclude=True)
class OrdersById(ReplicaView):
    """For fronts: several orders at once, each in short. Those that aren't written are left out."""

    service = topology.ORDER
    permission_classes = (IsService,)

    def get(self, request: Request) -> Response:
        sent = request.query_params.get("ids", "").split(",")
        ids = BoundedListField(child=serializers.UUIDField(), max_length=MOST_AT_ONCE).run_validation(sent)
        with self.reading():
            return Response({"orders": [order_in_short(order) for order in selectors.orders_of(ids)]})
