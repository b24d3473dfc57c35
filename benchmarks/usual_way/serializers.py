"""What is answered."""

from rest_framework import serializers

from benchmarks.usual_way.models import Book, Order


class BookSerializer(serializers.ModelSerializer[Book]):
    class Meta:
        model = Book
        fields = ("id", "title", "topic", "price", "quantity")


class OrderSerializer(serializers.ModelSerializer[Order]):
    class Meta:
        model = Order
        fields = ("id", "book", "title", "price", "created_at")
