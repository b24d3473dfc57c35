"""How many rows there are, counted when it is asked: right, and slow where there are many."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.db.models import Count

from bookstore_project.replication.row_counts import Counted, RowCount


def counted(count: RowCount, given: Mapping[str, Any], using: str) -> list[Counted]:
    """Of the rows that have these values in some of its columns, how many have which in all of them."""
    rows = apps.get_model(count.model)._default_manager.using(using).filter(**given)
    found = rows.order_by().values_list(*count.by).annotate(Count("pk"))
    return [Counted(tuple(values), number) for *values, number in found]
