"""Pages of the admin's lists whose rows may be many: something narrows the list, and nobody knows to how many."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core import paginator
from django.db.models import QuerySet

if TYPE_CHECKING:  # Generic for the type checker only.
    Paginator = paginator.Paginator[Any]
else:
    Paginator = paginator.Paginator

MOST_COUNTED = 20_000


class BoundedPages(Paginator):
    """Has pages of MOST_COUNTED rows at most, in the list's own order; of all rows if nothing narrows the list."""

    most: int | None = None
    """Fewer than others have, if a row costs more."""
    is_cut = False
    """Whether there are more; known once they were counted."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet) or not rows.query.where:
            return super().count
        most = min(self.most or MOST_COUNTED, MOST_COUNTED)
        counted = rows.order_by()[: most + 1].count()
        self.is_cut = counted > most
        return min(counted, most)
