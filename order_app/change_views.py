"""The routes by which staff change orders: parse, call, render."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api import headers, permissions, representations
from bookstore_project.api.idempotency import checked_key
from bookstore_project.api.log_remarks import remark
from bookstore_project.api.parameters import IDEMPOTENCY_KEY
from bookstore_project.api.sales import Line
from bookstore_project.api.schema_notes import described
from bookstore_project.replication.transaction import Committed
from bookstore_project.replication.web.views import ReplicaView
from bookstore_project.settings import topology
from order_app import cancellation, order_changes, selectors
from order_app.order_changes import Asked, Changed
from order_app.serializers import change_data, order_data


class OrderChangeView(ReplicaView):
    """What all changes of an order have in common."""

    service = topology.ORDER
    serializer_class: type[serializers.Serializer[Any]] = representations.OrderActionInput
    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.CHANGE_ORDER}

    def asked(self, request: Request, order_id: uuid.UUID, reason: str) -> Asked:
        return Asked(
            order=order_id,
            actor=request.user.get_username(),
            reason=reason,
            key=checked_key(request.headers.get(headers.IDEMPOTENCY_KEY)),
            deadline=self.deadline(request),
        )

    def changed(self, committed: Committed[Changed]) -> Response:
        done = self.committed(committed)
        response = Response(order_data(done.order))
        remark(response, f"{done.change.kind} by {done.change.actor}: order {done.order.pk}")
        if done.is_repeat:
            response[headers.IDEMPOTENT_REPLAYED] = "true"
        return response


class OrderCancel(OrderChangeView):
    """Cancel copies of an order."""

    serializer_class = representations.CancellationInput

    @described(
        operation_id="orders_cancel",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.CANCELLATION_BODIES,
        responses=representations.OrderFields,
    )
    def post(self, request: Request, order_id: uuid.UUID) -> Response:
        """Cancel all copies that are left, or those of `lines` (staff); they are for sale again."""
        sent = self.checked(request)
        lines = None if sent["lines"] is None else [Line(**line) for line in sent["lines"]]
        return self.changed(cancellation.cancel(self.asked(request, order_id, sent["reason"]), lines))


class OrderCollect(OrderChangeView):
    """Hand an order out."""

    @described(
        operation_id="orders_collect",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.OrderActionInput,
        responses=representations.OrderFields,
    )
    def post(self, request: Request, order_id: uuid.UUID) -> Response:
        """The customer has collected all copies that aren't cancelled (staff)."""
        return self.changed(order_changes.collect(self.asked(request, order_id, self.checked(request)["reason"])))


class OrderReopen(OrderChangeView):
    """Undo a hand-out."""

    @described(
        operation_id="orders_reopen",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.OrderActionInput,
        responses=representations.OrderFields,
    )
    def post(self, request: Request, order_id: uuid.UUID) -> Response:
        """The order was noted as collected by mistake, and is to be handed out again (staff)."""
        return self.changed(order_changes.reopen(self.asked(request, order_id, self.checked(request)["reason"])))


class OrderRefund(OrderChangeView):
    """Give money back."""

    serializer_class = representations.RefundInput

    @described(
        operation_id="orders_refund",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.RefundInput,
        responses=representations.OrderFields,
    )
    def post(self, request: Request, order_id: uuid.UUID) -> Response:
        """The customer was given an amount back, or what the cancelled copies cost (staff)."""
        sent = self.checked(request)
        return self.changed(order_changes.refund(self.asked(request, order_id, sent["reason"]), sent["amount"]))


class OrderHistory(ReplicaView):
    """What staff did with an order."""

    service = topology.ORDER
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER}

    @described(operation_id="orders_history", responses=representations.OrderHistory)
    def get(self, request: Request, order_id: uuid.UUID) -> Response:
        """Who did what with it, when and why, oldest first (staff)."""
        with self.reading():
            return Response({"changes": [change_data(each) for each in selectors.changes_of(order_id)]})
