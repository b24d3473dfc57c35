"""Two copies of each row: its own database first, then the other one."""

from typing import Any

import requests
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver

from benchmarks.usual_way import nodes
from benchmarks.usual_way.models import Book, BookSerializer

OTHER = f"{nodes.SERVICE}-{2 if nodes.NODE.endswith('1') else 1}"
"""The database of the other process of this service. Both are on this machine, so both can be written from here."""
TIMEOUT_S = 10


class Router:
    """Reads and writes go to this process's own database."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return nodes.NODE

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return nodes.NODE


@receiver(post_save)
def save_to_the_other(instance: models.Model, using: str, **_: Any) -> None:
    """What fails here leaves the first database changed: it was committed before."""
    if using == nodes.NODE:
        instance.save(using=OTHER)
        if isinstance(instance, Book):
            tell_the_fronts(instance)


def tell_the_fronts(book: Book) -> None:
    for front in nodes.urls("front"):
        requests.post(f"{front}/cache/{book.pk}", json=BookSerializer(book).data, timeout=TIMEOUT_S)
