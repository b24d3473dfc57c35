"""Books and their stock ledger, which explains every copy of every book."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from stdnum import isbn

from bookstore_project.api.admin_pages import MOST_COUNTED
from bookstore_project.api.cursors import Cursor
from bookstore_project.api.fields import isbn13_problem
from bookstore_project.api.number_lists import Numbers
from bookstore_project.api.order_numbers import number_of
from bookstore_project.api.representations import (
    ACTOR_LENGTH,
    AUTHORS_LENGTH,
    MAX_STOCK,
    TITLE_LENGTH,
    TOPIC_LENGTH,
    is_book_id,
)
from bookstore_project.replication import origin
from bookstore_project.replication.engine import engine
from bookstore_project.replication.text_indexes import Part
from bookstore_project.text.columns import CanonicalField, KeyedQuerySet, SearchKeyField, with_keys
from bookstore_project.text.search import containing, containing_all
from bookstore_project.text.search_keys import Word, search_key, words_of
from catalog_app.text_indexes import PARTS


def validate_isbn13(digits: str) -> None:
    """A field validator, for forms over the model: 13 digits, the last of which checks the others."""
    if problem := isbn13_problem(digits):
        raise ValidationError(f"Not an ISBN-13: {problem}.")


SEARCHED = {"title_key": "title", "authors_key": "authors"}
"""The keys in which words are looked for, each with its text."""
SORTED_BY_KEY = {"title": "title_key", "authors": "authors_key", "topic": "topic_key"}
"""What stands before a text when books are sorted by it."""


LEAST_OF_ISBN = 4
"""Digits of a search that may begin an ISBN: with fewer, nearly every one begins so."""
DIGITS_OF_ISBN = 13
ISBN_PREFIXES = ("978", "979")
_ISBN_LABEL = re.compile(r"^\s*isbn(?:-1[03])?:?\s*", re.IGNORECASE)
"""What stands before the number where people copy it from."""


def whole_isbn13(search: str) -> str | None:
    """The ISBN-13 that this is, of ten digits or thirteen, however they are grouped; None if it is something else."""
    number = _ISBN_LABEL.sub("", search)
    return isbn.to_isbn13(isbn.compact(number)) if isbn.is_valid(number) else None


def _holding(words: Iterable[Word]) -> Q:
    """That a book may have these words, by the index."""
    return engine.holding(PARTS, _parts_of(words))


def _parts_of(words: Iterable[Word]) -> list[Part]:
    """What the index knows of words: each as one (`20000`) or, where it may be written so, as several (`20 000`)."""
    return [(word.key, word.apart) if word.apart else (word.key,) for word in words if word.key]


def has_words_or_numbers(search: str) -> Q:
    """As staff looks for books: as `matching` does; or a number is the book's own, or several begin its ISBN.

    Of a number, no more than MOST_COUNTED books and one. Raises UnfitText.
    """
    if isbn13 := whole_isbn13(search):
        return Q(isbn13=isbn13)
    words = words_of(search)
    numbers = [word.key for word in words if word.key.isdecimal()]
    if not numbers:
        return _has_all(words)
    # By their keys, as SQLite would rather read all books than look in three indexes.
    keys = set(Book.objects.filter(_has_all(words)).order_by().values_list("pk", flat=True)[: MOST_COUNTED + 1])
    others = Book.objects.filter(_has_all([word for word in words if word.key not in numbers]))
    if len(numbers) == 1 and is_book_id(numbers[0]):
        keys.update(others.filter(pk=int(numbers[0])).values_list("pk", flat=True))
    digits = "".join(each for each in search_key(search).split() if each.isdecimal())  # A group may be there twice.
    keys.update(beginning_isbn(digits, others, MOST_COUNTED + 1))
    return Q(pk__in=Numbers(sorted(keys)[: MOST_COUNTED + 1]))


def _has_all(words: Sequence[Word]) -> Q:
    return _holding(words) & containing_all(words, SEARCHED)


def beginning_isbn(digits: str, among: "BookQuerySet", most: int) -> Iterator[int]:
    """Of these books those with an ISBN that begins so, with the prefix of all books or without: by an index.

    No more than `most` of each kind; none for fewer digits than LEAST_OF_ISBN, or more than it has.
    """
    if not LEAST_OF_ISBN <= len(digits) <= DIGITS_OF_ISBN:
        return
    for start in [digits] if digits.startswith(ISBN_PREFIXES) else [prefix + digits for prefix in ISBN_PREFIXES]:
        for retired in (False, True):
            books = among.filter(isbn13__gte=start, isbn13__lt=str(int(start) + 1), retired=retired)
            yield from books.order_by("isbn13").values_list("pk", flat=True)[:most]


def _sorting(ordering: str) -> list[str]:
    """The columns, one after the other, by which books are sorted for this ordering."""
    field = ordering.removeprefix("-")
    return [name for name in dict.fromkeys((SORTED_BY_KEY.get(field), field, "id")) if name]


class BookQuerySet(KeyedQuerySet["Book"]):
    def on_sale(self) -> "BookQuerySet":
        return self.filter(retired=False)

    def running_low(self) -> "BookQuerySet":
        """Of which some are left, but fewer than what a periodic restock fills up to."""
        return self.filter(quantity__gte=1, quantity__lt=settings.RESTOCK_LEVEL)

    def matching(self, search: str) -> "BookQuerySet":
        """Books that have every word of `search` in their title or among their authors, however it is spelled.

        Raises UnfitText for a search with characters that no text can have.
        """
        return self.filter(_holding(words_of(search)), containing(search, SEARCHED))

    def titled(self, words: Iterable[Word]) -> "BookQuerySet":
        """Books that have every word in their title."""
        wanted = list(words)
        return self.filter(_holding(wanted), containing_all(wanted, {"title_key": "title"}))

    def first_matching(self, search: str, most: int) -> list[int]:
        """The ids of the first of them; how many more there are isn't found out. Raises UnfitText."""
        parts = _parts_of(words_of(search))
        return engine.first_holding(PARTS, parts, self.filter(containing(search, SEARCHED)), most)

    def sorted_by(self, ordering: str) -> "BookQuerySet":
        """By a field, then by id; with a minus sign, the reverse. Texts as people sort them, by their keys."""
        sign = "-" if ordering.startswith("-") else ""
        return self.order_by(*(f"{sign}{name}" for name in _sorting(ordering)))

    def behind(self, cursor: Cursor) -> Iterator["BookQuerySet"]:
        """What `sorted_by` has behind that place: one part after the other, each a single range of an index.

        First those that share all values but the id, then all but the last two, and so on. SQLite finds the place
        of `(price, id) > (?, ?)` by the price alone, and would pass all books of that price that stand before it.
        """
        names = _sorting(cursor.ordering)
        place = {cursor.ordering.removeprefix("-"): cursor.value, "id": cursor.id}
        place |= {key: search_key(place[text]) for text, key in SORTED_BY_KEY.items() if text in place}
        beyond = "lt" if cursor.ordering.startswith("-") else "gt"
        rows = self.sorted_by(cursor.ordering)
        for last in reversed(range(len(names))):
            shared = {name: place[name] for name in names[:last]}
            yield rows.filter(**shared, **{f"{names[last]}__{beyond}": place[names[last]]})


ISBN_IS_SOLD_ONCE = models.UniqueConstraint(
    fields=["isbn13"],
    condition=Q(retired=False),
    name="book_isbn13_is_sold_once",
    violation_error_message="A book with this ISBN-13 is on sale already.",
)


class Book(models.Model):
    """A book on the shelf. `version` grows by one with each change; `quantity` changes with a ledger row only."""

    title = CanonicalField(max_length=TITLE_LENGTH)
    authors = CanonicalField(max_length=AUTHORS_LENGTH, blank=True, default="")
    isbn13 = models.CharField(  # noqa: DJ001  (unique where known)
        "ISBN-13", max_length=13, null=True, blank=True, validators=[validate_isbn13]
    )
    topic = CanonicalField(max_length=TOPIC_LENGTH, db_index=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    quantity = models.PositiveIntegerField("stock", default=0)
    version = models.PositiveIntegerField(default=1, editable=False)
    retired = models.BooleanField(default=False, help_text="Not for sale any more; its ledger stays.")
    title_key = SearchKeyField(of="title", db_index=True)
    authors_key = SearchKeyField(of="authors")
    topic_key = SearchKeyField(of="topic")

    objects = BookQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        # Of books on sale alone, as lists ask for them: without, SQLite reads all books and sorts them for one page.
        # `id` is the last order of all, and `retired` has SQLite take the index alone for what stands before a page.
        # A sale touches none of these but the one of `quantity` (ADR 42). By authors, topic, price and stock the
        # admin lists all books, retired ones among them, so that these have all.
        indexes = (
            *(
                models.Index(
                    fields=[*fields, "id", "retired"], condition=Q(retired=False), name=f"book_on_sale{name}"
                )
                for name, fields in (
                    ("", ()),
                    ("_by_title", ("title_key", "title")),
                    ("_by_topic", ("topic",)),
                    ("_by_topic_title", ("topic", "title_key", "title")),
                    ("_by_topic_authors", ("topic", "authors_key", "authors")),
                    ("_by_topic_price", ("topic", "price")),
                )
            ),
            *(
                models.Index(fields=[*fields, "id", "retired"], name=f"book_by_{name}")
                for name, fields in (
                    ("authors", ("authors_key", "authors")),
                    ("topic", ("topic_key", "topic")),
                    ("price", ("price",)),
                    ("quantity", ("quantity",)),
                )
            ),
            models.Index(fields=["isbn13"], condition=Q(retired=True), name="book_retired_by_isbn13"),
        )
        constraints = (
            models.CheckConstraint(condition=~Q(title=""), name="book_has_a_title"),
            models.CheckConstraint(condition=Q(price__gte=0), name="book_price_is_not_negative"),
            models.CheckConstraint(
                condition=Q(quantity__gte=0) & Q(quantity__lte=MAX_STOCK), name="book_stock_is_within_bounds"
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="book_version_counts_from_one"),
            models.CheckConstraint(
                condition=Q(isbn13__isnull=True) | Q(isbn13__gte="9780000000000", isbn13__lte="9799999999999"),
                name="book_isbn13_is_plausible",
            ),
            ISBN_IS_SOLD_ONCE,
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves the row; a changed one gets the next version."""
        if not self._state.adding:
            self.version += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*with_keys(Book, kwargs["update_fields"]), "version"}
        super().save(*args, **kwargs)


class LedgerEntry(models.Model):
    """One reason why a book's stock is what it is. Rows are never changed and never deleted.

    At every moment initial + restocks + corrections + returns - sold = stock; `change` is the signed number of
    copies, and `balance` the stock after it. An order of several books has a row for each, one after the other. So
    has a cancellation, with title and price of the sale. A refused sale is a row too: it changes nothing, and is
    final.
    """

    class Kind(models.TextChoices):
        INITIAL = "initial"
        RESTOCK = "restock"
        SALE = "sale"
        REFUSAL = "refusal"
        CORRECTION = "correction"
        RETURN = "return"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    change = models.BigIntegerField(help_text="Copies that came (positive) or went (negative).")
    balance = models.BigIntegerField(help_text="The stock after it.")
    order = models.UUIDField(null=True, blank=True, help_text="Of a sale, a refusal or a return.")
    cancellation = models.CharField(
        max_length=36, blank=True, default="", help_text="Of a return: the id of what brought the copies back."
    )
    quantity = models.PositiveIntegerField(default=0, help_text="Copies that the order asked for, or that came back.")
    title = models.CharField(max_length=TITLE_LENGTH)
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)
    actor = CanonicalField(max_length=ACTOR_LENGTH, blank=True, default="", help_text="Who did it, if it was staff.")
    created_at = models.DateTimeField()
    title_key = SearchKeyField(of="title")

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "ledger entries"
        constraints = (
            # Empty but for returns: so one index serves both rules, and finds all rows of an order.
            models.UniqueConstraint(
                fields=["order", "book", "cancellation"], name="ledger_has_a_book_once_per_order"
            ),
            models.CheckConstraint(condition=Q(balance__gte=0), name="ledger_balance_is_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="sale", order__isnull=False, change=-F("quantity"), quantity__gte=1, cancellation="")
                | Q(kind="refusal", order__isnull=False, change=0, quantity__gte=1, cancellation="")
                | (Q(kind="return", order__isnull=False, change=F("quantity"), quantity__gte=1) & ~Q(cancellation=""))
                | Q(kind="restock", order__isnull=True, change__gte=1, cancellation="")
                | Q(kind="initial", order__isnull=True, change__gte=0, cancellation="")
                | Q(kind="correction", order__isnull=True, cancellation=""),
                name="ledger_change_fits_its_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.change:+d} of {self.title}"

    @property
    def order_number(self) -> str:
        """That the customer says; empty without an order."""
        return number_of(str(self.order)) if self.order else ""


class BookChange(models.Model):
    """One field of a book, changed by staff, a file or a command. Rows are never changed and never deleted.

    Sales aren't here: the ledger has them. Of a new book, its first copies are.
    """

    class Way(models.TextChoices):
        PAGE = origin.PAGE, "page of the admin"
        API = origin.API, "API"
        IMPORT = origin.IMPORT, "import"
        SHELL = origin.SHELL, "shell or command"
        STORE = origin.STORE, "the store itself"
        UNKNOWN = "", "not recorded"

    class Field(models.TextChoices):
        TITLE = "title"
        AUTHORS = "authors"
        ISBN13 = "isbn13", "ISBN-13"
        TOPIC = "topic"
        PRICE = "price"
        RETIRED = "retired"
        INITIAL = "initial", "First stock"
        RESTOCK = "restock", "Stock, restocked"
        CORRECTION = "correction", "Stock, corrected"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="history")
    field = models.CharField("what", max_length=10, choices=Field.choices)
    before = models.TextField("from", blank=True, default="")
    after = models.TextField("to", blank=True, default="")
    actor = models.CharField("who", max_length=ACTOR_LENGTH, blank=True, default="")
    way = models.CharField("by way of", max_length=6, choices=Way.choices, blank=True, default="")
    created_at = models.DateTimeField("when", db_index=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "change of a book"
        verbose_name_plural = "changes of books"
        default_permissions = ()  # Who may see the book may see its history.

    def __str__(self) -> str:
        return f"{self.get_field_display()}: {self.before} → {self.after}"


class KeyedAnswer(models.Model):
    """What was answered under an idempotency key, where no ledger row says it: a repeat gets it again."""

    key = models.UUIDField(primary_key=True)
    fingerprint = models.CharField(max_length=64, help_text="Of the request; another one under this key is refused.")
    status = models.PositiveSmallIntegerField()
    body = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.status} under {self.key}"
