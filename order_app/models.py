"""Orders with their lines, what staff did with them, and how far the sweeper has come."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from bookstore_project.api.order_numbers import number_of
from bookstore_project.api.representations import ACTOR_LENGTH, REASON_LENGTH, TITLE_LENGTH
from bookstore_project.text.columns import CanonicalField, SearchKeyField


class Order(models.Model):
    """A completed purchase of one or several books, its lines. Never deleted.

    What was bought never changes. What became of it does: `status` and `refunded`, and of each line `cancelled`,
    always together with a row of OrderChange that says who did it, when and why.
    """

    class Status(models.TextChoices):
        COMPLETED = "completed", "to hand out"
        COLLECTED = "collected"
        CANCELLED = "cancelled"
        """All of its copies; with some of them left it is still to be handed out."""

    id = models.UUIDField(primary_key=True, help_text="Follows from the idempotency key.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.COMPLETED)
    refunded = models.DecimalField(max_digits=15, decimal_places=2, default=Decimal(0), help_text="Money given back.")
    created_at = models.DateTimeField(db_index=True, help_text="When the catalog sold it.")
    sale = models.BigIntegerField(unique=True, help_text="The number of the catalog's first ledger row of it.")

    class Meta:
        ordering = ("-sale",)
        constraints = (models.CheckConstraint(condition=Q(refunded__gte=0), name="order_refund_is_not_negative"),)

    def __str__(self) -> str:
        """`6F1C 2B5E (2 × Emma)`: two orders may be of the same books."""
        return f"{number_of(str(self.pk))} ({self.books})"

    @property
    def books(self) -> str:
        return ", ".join(str(line) for line in self.lines.all())

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines.all()), Decimal(0))

    @property
    def left_total(self) -> Decimal:
        """What the copies cost that aren't cancelled."""
        return self.total - self.cancelled_total

    @property
    def cancelled_total(self) -> Decimal:
        """What its cancelled copies cost."""
        return sum((line.unit_price * line.cancelled for line in self.lines.all()), Decimal(0))


class OrderLine(models.Model):
    """Copies of one book in an order, with title and price as they were sold."""

    sale = models.BigIntegerField(primary_key=True, help_text="The number of the catalog's ledger row.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    book = models.BigIntegerField(db_index=True, help_text="The book's id in the catalog.")
    title = models.CharField(max_length=TITLE_LENGTH)
    quantity = models.PositiveIntegerField()
    cancelled = models.PositiveIntegerField(default=0, help_text="Of these copies, those that were cancelled.")
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)
    title_key = SearchKeyField(of="title")

    class Meta:
        ordering = ("sale",)
        constraints = (
            models.UniqueConstraint(fields=["order", "book"], name="order_has_a_book_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_has_copies"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="order_line_price_is_not_negative"),
            models.CheckConstraint(
                condition=Q(cancelled__gte=0, cancelled__lte=F("quantity")), name="order_line_has_what_was_cancelled"
            ),
        )

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity

    @property
    def left(self) -> int:
        """Copies that aren't cancelled."""
        return self.quantity - self.cancelled

    @property
    def left_total(self) -> Decimal:
        return self.unit_price * self.left


class OrderChange(models.Model):
    """What a member of staff did with an order. Never deleted; `progress` alone changes, once.

    A cancellation is decided here, and its copies come back in the catalog afterwards: until then it is pending.
    """

    class Kind(models.TextChoices):
        COLLECTED = "collected"
        REOPENED = "reopened", "hand-out undone"
        """It was collected by mistake: the order of a customer who hasn't come, say."""
        CANCELLED = "cancelled"
        REFUNDED = "refunded"

    class Progress(models.TextChoices):
        PENDING = "pending", "copies are on their way back"
        DONE = "done"
        UNSOLD = "unsold", "nothing came back: the ledger has lost the sale"
        VOID = "void", "taken back: the copies had come back before"

    id = models.UUIDField(primary_key=True, help_text="Follows from the idempotency key.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    progress = models.CharField(max_length=10, choices=Progress.choices, default=Progress.DONE, db_index=True)
    amount = models.DecimalField(
        max_digits=15, decimal_places=2, default=Decimal(0), help_text="Of a refund: the money given back."
    )
    actor = CanonicalField(max_length=ACTOR_LENGTH, blank=True, default="", help_text="Who did it.")
    reason = CanonicalField(max_length=REASON_LENGTH, blank=True, default="")
    fingerprint = models.CharField(
        max_length=64, blank=True, default="", help_text="Of the request; empty if it was lost."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"

    def in_words(self) -> str:
        """`cancelled: 2 × Emma`, `refunded: 9.90`, `collected`, `hand-out undone`."""
        if self.kind == self.Kind.CANCELLED:
            return f"cancelled: {', '.join(str(each) for each in self.lines.all())}"
        if self.kind == self.Kind.REFUNDED:
            return f"refunded: {self.amount:.2f}"
        return str(self.Kind(self.kind).label).lower()


class CancelledLine(models.Model):
    """Copies of one line that a cancellation takes out of its order."""

    change = models.ForeignKey(OrderChange, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["change", "line"], name="cancellation_has_a_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="cancellation_has_copies"),
        )

    def __str__(self) -> str:
        return f"{self.quantity} × {self.line.title}"


class SweepMark(models.Model):
    """One row: every sale up to this ledger row has its order, and every return its cancellation."""

    sale = models.BigIntegerField(default=0)
    timeline = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="Of the catalog: every finished cancellation has its return there.",
    )

    def __str__(self) -> str:
        return f"swept up to sale {self.sale}"
