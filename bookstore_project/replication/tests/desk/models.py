"""Models of another service, which knows of the shelf's rows by their numbers only."""

from django.db import models
from django.db.models import Q


class Slip(models.Model):
    """Somebody took articles, its lines."""

    id = models.UUIDField(primary_key=True)
    number = models.BigIntegerField(unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"slip {self.number}"


class Line(models.Model):
    number = models.BigIntegerField(primary_key=True)
    slip = models.ForeignKey(Slip, on_delete=models.PROTECT, related_name="lines")
    article = models.BigIntegerField(db_index=True)
    title = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(quantity__gte=1), name="line_is_of_something"),)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"


class Mark(models.Model):
    """One row: slips are filed up to this number."""

    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"filed up to {self.number}"
