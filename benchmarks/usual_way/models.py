"""Books of a catalog, orders of an order service, and what is answered of them."""

import uuid
from typing import ClassVar

from django.db import models
from rest_framework import serializers


class Book(models.Model):
    title = models.CharField(max_length=200)
    topic = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    quantity = models.IntegerField()

    objects: ClassVar[models.Manager["Book"]] = models.Manager()

    class Meta:
        app_label = "usual_way"

    def __str__(self) -> str:
        return self.title


class Order(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    book = models.IntegerField()
    title = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Order"]] = models.Manager()

    class Meta:
        app_label = "usual_way"

    def __str__(self) -> str:
        return f"{self.title} ({self.id})"


class BookSerializer(serializers.ModelSerializer[Book]):
    class Meta:
        model = Book
        fields = ("id", "title", "topic", "price", "quantity")


class OrderSerializer(serializers.ModelSerializer[Order]):
    class Meta:
        model = Order
        fields = ("id", "book", "title", "price", "created_at")
