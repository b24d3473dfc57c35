"""What may stand behind the question mark of each list: the replicas check it, and all nodes' schemas say it."""

import datetime
import re
from typing import Any

from rest_framework import serializers

from bookstore_project.api.cursors import Cursor, CursorField
from bookstore_project.api.fields import MomentField, StrictFields, WholeNumberField
from bookstore_project.api.order_numbers import ids_of
from bookstore_project.api.pagination import PageQuery, SearchField
from bookstore_project.api.representations import MAX_BOOK_ID, ORDER_STATUSES, BookFields

ORDERINGS = tuple(
    prefix + field for field in ("id", "title", "authors", "topic", "price", "quantity") for prefix in ("", "-")
)
STOCKS = ("low", "out")
EARLIEST, LATEST = 1970, 9000
DAYS = "^(19[7-9][0-9]|[2-8][0-9]{3}|9000)-[0-9]{2}-[0-9]{2}$"
"""Of days from EARLIEST to LATEST, for schemas."""
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
NEWEST_FIRST = "-sale"
"""The one order of orders: by the number of the sale, which no two have."""


class NumberField(serializers.CharField):
    """The number of an order, as `api.order_numbers` reads it: the first and the last id that it may mean."""

    default_error_messages = {"unfit": "Expected 4 to 32 of the digits 0-9 and A-F."}

    def to_internal_value(self, data: Any) -> Any:
        found = ids_of(super().to_internal_value(data))
        if found is None:
            self.fail("unfit")
        return found


class DayField(serializers.DateField):
    """A day that a shop may have had, and whose midnights can be told in all time zones; as `2030-12-24` alone."""

    default_error_messages = {"year": f"Expected a year from {EARLIEST} to {LATEST}."}

    def to_internal_value(self, value: Any) -> datetime.date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            self.fail("invalid", format="YYYY-MM-DD")
        day: datetime.date = super().to_internal_value(value)
        if not EARLIEST <= day.year <= LATEST:
            self.fail("year")
        return day


class KeysetQuery(PageQuery):
    """Pages by number, or by key: `after` has a field in each list that has them."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if "after" in data and "page" in data:
            raise serializers.ValidationError({"after": ["Expected `after` or `page`, not both."]})
        return value


class BookQuery(KeysetQuery):
    """Filters of the list of books."""

    topic = SearchField(help_text="Exactly this topic.")
    search = SearchField(help_text="Words that title or authors contain.")
    stock = serializers.ChoiceField(
        choices=STOCKS,
        required=False,
        help_text="`low`: some are left, but fewer than BOOKSTORE_RESTOCK_LEVEL; `out`: sold out.",
    )
    find = SearchField(
        help_text="Words as people type them: unfinished, with small typos, best first. The page's `corrected` says "
        "what was found in their place. No more than 1,000 books."
    )
    ordering = serializers.ChoiceField(
        choices=ORDERINGS,
        required=False,
        help_text="A minus sign: downwards. Left out: by `id`, or with `find` best first.",
    )
    after = CursorField(orderings=ORDERINGS, of=BookFields)

    def validate(self, query: Any) -> Any:
        """A cursor is of the ordering that is asked for; a rank, which each search makes anew, has none."""
        after, ordering = query.get("after"), query.get("ordering")
        if after is not None and query["find"] and not ordering:
            raise serializers.ValidationError(
                {"after": ["There are no pages by key in the order of a search: name an `ordering`, or a `page`."]}
            )
        if isinstance(after, Cursor) and after.ordering != (ordering or "id"):
            raise serializers.ValidationError(
                {"after": [f"This is from a list with ordering={after.ordering}: ask for the same, or begin anew."]}
            )
        return query


class OrderFilters(StrictFields):
    """Filters of the list of orders."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, required=False, help_text="The book's id.")
    status = serializers.ChoiceField(choices=ORDER_STATUSES, required=False, help_text="What became of the order.")
    created_after = MomentField(required=False, help_text="At or after this moment.")
    created_before = MomentField(required=False, help_text="Before this moment.")
    number = NumberField(
        required=False,
        help_text="The number that the customer says: the first 4 to 32 digits of the id, in any groups.",
    )


class OrderQuery(OrderFilters, KeysetQuery):
    """Filters and page of the list of orders."""

    after = CursorField(orderings=[NEWEST_FIRST])


class DayQuery(StrictFields):
    """Which day."""

    date = DayField(required=False, help_text="Today by default, in the shop's time zone.")
