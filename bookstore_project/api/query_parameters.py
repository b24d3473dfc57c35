"""What may stand behind the question mark of each list: the replicas check it, and all nodes' schemas say it."""

from rest_framework import serializers

from bookstore_project.api.fields import MomentField, WholeNumberField
from bookstore_project.api.pagination import PageQuery, SearchField
from bookstore_project.api.representations import MAX_BOOK_ID

ORDERINGS = tuple(
    prefix + field for field in ("id", "title", "authors", "topic", "price", "quantity") for prefix in ("", "-")
)


class BookQuery(PageQuery):
    """Filters of the list of books."""

    topic = SearchField(help_text="Exactly this topic.")
    search = SearchField(help_text="Words that title or authors contain.")
    find = SearchField(
        help_text="Words as people type them: unfinished, with small typos, best first. The page's `corrected` says "
        "what was found in their place. No more than 1,000 books."
    )
    ordering = serializers.ChoiceField(
        choices=ORDERINGS,
        required=False,
        help_text="A minus sign: downwards. Left out: by `id`, or with `find` best first.",
    )


class OrderQuery(PageQuery):
    """Filters of the list of orders."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID, required=False, help_text="The book's id.")
    created_after = MomentField(required=False, help_text="At or after this moment.")
    created_before = MomentField(required=False, help_text="Before this moment.")
