"""How many books a list of the admin has: looked up, where it shows all, or those of a topic, or the retired ones."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.db.models.lookups import Exact
from django.http import HttpRequest
from django.utils.functional import cached_property

from bookstore_project.api.admin_pages import BoundedPages
from catalog_app.listing import number_of_books, topics_of_books

COUNTED = ("retired", "topic")
MOST_TOPICS = 100
"""That are offered: those with most books. A search finds the books of others."""


class CountedPages(BoundedPages):
    """Pages of books that aren't counted where their number is known, and up to a bound elsewhere."""

    @cached_property
    def count(self) -> int:
        given = _given(self.object_list)
        return super().count if given is None else number_of_books(**given)


def _given(rows: Any) -> dict[str, Any] | None:
    """The values that all rows of a query have in the counted columns; None if it asks for anything else."""
    given: dict[str, Any] = {}
    if not isinstance(rows, QuerySet) or rows.query.where.negated or rows.query.where.connector != "AND":
        return None
    for condition in rows.query.where.children:
        name = getattr(getattr(getattr(condition, "lhs", None), "target", None), "name", "")
        if not isinstance(condition, Exact) or name not in COUNTED or name in given:
            return None
        given[name] = condition.rhs
    return given


class TopicFilter(SimpleListFilter):
    """Books of one topic, on sale or not."""

    title = "topic"
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = topics_of_books()[:MOST_TOPICS]
        chosen = self.value()
        if chosen and chosen not in names:
            names.append(chosen)
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(topic=chosen) if chosen is not None else queryset
