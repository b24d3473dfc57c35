"""A project's models, as replication knows any: for its tests only.

Articles are what most tests change. The others have every relation and kind of value.
"""

from typing import Any

from django.db import models
from django.db.models import Q

from bookstore_project.text.columns import CanonicalField, KeyedQuerySet, SearchKeyField, with_keys


class Article(models.Model):
    """So many of one kind lie on the shelf. Its movements tell why; `version` grows by one with each change."""

    title = CanonicalField(max_length=200)
    kind = CanonicalField(max_length=100, db_index=True)
    code = models.CharField(max_length=13, null=True, unique=True)  # noqa: DJ001  (unique where known)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    quantity = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    title_key = SearchKeyField(of="title", db_index=True)
    kind_key = SearchKeyField(of="kind")

    objects = KeyedQuerySet["Article"].as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(price__gte=0), name="article_price_is_not_negative"),
            models.CheckConstraint(condition=Q(version__gte=1), name="article_version_counts_from_one"),
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.version += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*with_keys(Article, kwargs["update_fields"]), "version"}
        super().save(*args, **kwargs)


class Movement(models.Model):
    """Articles that came (positive) or went (negative). A receipt has an article once."""

    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="movements")
    change = models.BigIntegerField()
    balance = models.BigIntegerField()
    receipt = models.UUIDField(null=True)
    title = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    made_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["receipt", "article"], name="movement_once_per_receipt"),)

    def __str__(self) -> str:
        return f"{self.change:+d} of {self.title}"


class Note(models.Model):
    """Touches nothing that a front keeps."""

    key = models.UUIDField(primary_key=True)
    text = models.TextField(default="")

    def __str__(self) -> str:
        return self.text


class Shelf(models.Model):
    name = models.CharField(max_length=100, unique=True)
    above = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    word = models.CharField(max_length=100, primary_key=True)

    def __str__(self) -> str:
        return self.word


class Thing(models.Model):
    """Lies on a shelf, and goes with it."""

    name = models.CharField(max_length=100)
    count = models.IntegerField(default=0)
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, related_name="things")
    former = models.ForeignKey(Shelf, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    home = models.ForeignKey(Shelf, default=1, on_delete=models.SET_DEFAULT, related_name="+")
    loose = models.ForeignKey(Shelf, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+")
    tags = models.ManyToManyField(Tag)
    borrowers: "models.ManyToManyField[Reader, Loan]" = models.ManyToManyField("Reader", through="Loan")
    twice = models.GeneratedField(
        expression=models.F("count") * 2, output_field=models.IntegerField(), db_persist=True
    )
    thrice = models.GeneratedField(
        expression=models.F("count") * 3, output_field=models.IntegerField(), db_persist=False
    )

    def __str__(self) -> str:
        return self.name


class Lamp(Thing):
    """A thing with a table of its own, and a row in its parent's."""

    watts = models.IntegerField(default=40)


class Reader(models.Model):
    """Its table has changed since the first migration."""

    name = models.CharField(max_length=100)
    card = models.CharField(max_length=20, default="")
    level = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Loan(models.Model):
    thing = models.ForeignKey(Thing, on_delete=models.CASCADE)
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE)
    days = models.IntegerField(default=14)

    def __str__(self) -> str:
        return f"{self.thing} to {self.reader}"


class Oddment(models.Model):
    """Values of every kind."""

    text = models.TextField(default="")
    blob = models.BinaryField(default=b"")
    document = models.JSONField(null=True)
    uuid = models.UUIDField(null=True)
    moment = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    time = models.TimeField(null=True)
    duration = models.DurationField(null=True)
    number = models.BigIntegerField(null=True)
    amount = models.DecimalField(max_digits=15, decimal_places=4, null=True)
    flag = models.BooleanField(null=True)
    address = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"oddment {self.pk}"


class Rowless(models.Model):
    """Its table is WITHOUT ROWID: see the migration."""

    code = models.CharField(max_length=20, primary_key=True)
    note = models.CharField(max_length=100, default="")

    def __str__(self) -> str:
        return self.code
