"""Orders, to be looked at."""

from decimal import Decimal

from django.contrib import admin

from bookstore_project.replication.admin import ReadOnlyAdmin
from bookstore_project.settings import topology
from order_app.models import Order


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    service = topology.ORDER
    list_display = ("id", "created_at", "title", "quantity", "unit_price", "sum", "status")
    list_filter = ("created_at",)
    search_fields = ("title", "id")
    date_hierarchy = "created_at"
    show_full_result_count = False

    @admin.display(description="total")
    def sum(self, order: Order) -> Decimal:
        return order.total
