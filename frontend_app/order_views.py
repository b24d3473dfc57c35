"""The front's routes by which staff change orders: they check who may, and pass on."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from bookstore_project.api import headers, permissions
from bookstore_project.api.parameters import IDEMPOTENCY_KEY
from bookstore_project.api.representations import (
    CANCELLATION_BODIES,
    CancellationInput,
    OrderActionInput,
    OrderFields,
    OrderHistory,
    RefundInput,
)
from bookstore_project.api.schema_notes import described
from frontend_app import request_bodies, services
from frontend_app.views import FrontView


class OrderChangeView(FrontView):
    """What all changes of an order have in common."""

    serializer_class: type[serializers.Serializer[Any]] = OrderActionInput
    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.CHANGE_ORDER}

    def pass_on(self, order_id: UUID, what: str) -> HttpResponseBase:
        relay = services.change_order(
            self.front,
            f"/api/v1/orders/{order_id}/{what}/",
            request_bodies.json_body(self.request, self.serializer_class),
            username=self.request.user.get_username(),
            key=self.request.headers.get(headers.IDEMPOTENCY_KEY),
        )
        return self.show(relay)


class CancelView(OrderChangeView):
    """Copies of an order are cancelled."""

    serializer_class = CancellationInput

    @described(request=CANCELLATION_BODIES, responses=OrderFields, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Cancels all copies that are left, or those of `lines`, which are for sale again then. For staff."""
        return self.pass_on(order_id, "cancel")


class CollectView(OrderChangeView):
    """An order is handed out."""

    @described(request=OrderActionInput, responses=OrderFields, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Says that the customer has collected what isn't cancelled. For staff."""
        return self.pass_on(order_id, "collect")


class ReopenView(OrderChangeView):
    """A hand-out is undone."""

    @described(request=OrderActionInput, responses=OrderFields, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Says that the order was noted as collected by mistake, and is to be handed out. For staff."""
        return self.pass_on(order_id, "reopen")


class RefundView(OrderChangeView):
    """Money is given back."""

    serializer_class = RefundInput

    @described(request=RefundInput, responses=OrderFields, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Says that the customer was given back an amount, or what the cancelled copies cost. For staff."""
        return self.pass_on(order_id, "refund")


class HistoryView(FrontView):
    """What staff did with an order."""

    serializer_class = OrderHistory
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER}

    @described(responses=OrderHistory)
    def get(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Shows who did what with an order, when and why. For staff."""
        return self.show(services.order_history(self.front, str(order_id), username=request.user.get_username()))
