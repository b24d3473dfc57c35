"""Orders with their lines, and how far the sweeper has come."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from bookstore_project.api.representations import TITLE_LENGTH
from bookstore_project.text.columns import SearchKeyField


class Order(models.Model):
    """A completed purchase of one or several books, its lines. Never changed, never deleted."""

    class Status(models.TextChoices):
        COMPLETED = "completed"

    id = models.UUIDField(primary_key=True, help_text="Follows from the idempotency key.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.COMPLETED)
    created_at = models.DateTimeField(db_index=True, help_text="When the catalog sold it.")
    sale = models.BigIntegerField(unique=True, help_text="The number of the catalog's first ledger row of it.")

    class Meta:
        ordering = ("-sale",)

    def __str__(self) -> str:
        return ", ".join(str(line) for line in self.lines.all())

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines.all()), Decimal(0))


class OrderLine(models.Model):
    """Copies of one book in an order, with title and price as they were sold."""

    sale = models.BigIntegerField(primary_key=True, help_text="The number of the catalog's ledger row.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    book = models.BigIntegerField(db_index=True, help_text="The book's id in the catalog.")
    title = models.CharField(max_length=TITLE_LENGTH)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)
    title_key = SearchKeyField(of="title")

    class Meta:
        ordering = ("sale",)
        constraints = (
            models.UniqueConstraint(fields=["order", "book"], name="order_has_a_book_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_has_copies"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="order_line_price_is_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity


class SweepMark(models.Model):
    """One row: every sale up to this number has its order."""

    sale = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"swept up to sale {self.sale}"
