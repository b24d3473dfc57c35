"""A catalog: books, and selling a copy of one."""

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.usual_way import copies  # noqa: F401  (its receiver)
from benchmarks.usual_way.models import Book, BookSerializer

BOOKS, COPIES = 7, 1_000_000


@api_view(["GET"])
def book(request: Request, number: int) -> Response:
    return Response(BookSerializer(get_object_or_404(Book, pk=number)).data)


@api_view(["POST"])
def sell(request: Request, number: int) -> Response:
    """Reads the stock, and writes what it has computed: who reads in between sells the same copy."""
    found = get_object_or_404(Book, pk=number)
    if found.quantity < 1:
        return Response({"detail": "out of stock"}, status=409)
    found.quantity -= 1
    found.save()
    return Response(BookSerializer(found).data)


def fill() -> None:
    """Into this process's own database; the other one does the same."""
    Book.objects.bulk_create(
        Book(id=number, title=f"The book number {number}", topic="books", price="12.50", quantity=COPIES)
        for number in range(1, BOOKS + 1)
    )


urlpatterns = [path("product/<int:number>", book), path("sell/<int:number>", sell)]
