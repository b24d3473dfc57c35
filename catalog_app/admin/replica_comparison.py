"""The books of a page as the other replica has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from bookstore_project.api.cached_resources import BOOK
from bookstore_project.replication import reads
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.pinning import current_pin
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from catalog_app.models import Book


class Finding(Enum):
    """What became of comparing one book: a sign and words, so that nobody depends on a colour."""

    SAME = ("✓", "same")
    DIFFERS = ("⚠", "differs")
    CHANGED = ("…", "changed just now")
    UNREAD = ("✕", "not read")

    def __init__(self, sign: str, words: str) -> None:
        self.sign = sign
        self.words = words


@dataclass(frozen=True)
class OtherCopy:
    """One book on the other replica: its stock (None if not read, or not there), and the names of what differs."""

    finding: Finding
    quantity: int | None = None
    fields: Sequence[str] = ()

    @property
    def words(self) -> str:
        if self.finding is Finding.DIFFERS and not self.fields:
            return "isn't there"
        if self.finding is Finding.DIFFERS and tuple(self.fields) != ("stock",):
            return f"differs: {', '.join(self.fields)}"
        return self.finding.words


@dataclass(frozen=True)
class Comparison:
    """Two copies, by name; `problem` says why the other wasn't read, unless `is_saving`."""

    here: str
    there: str
    problem: str = ""
    is_saving: bool = False
    """A form is shown again from within the transaction that it was for: there is no read beside that."""
    books: Mapping[int, OtherCopy] = field(default_factory=dict)
    remedy: str = ""
    """What becomes of a difference."""

    def of(self, book: Book) -> OtherCopy:
        return self.books.get(book.pk, OtherCopy(Finding.UNREAD))

    @property
    def differing(self) -> int:
        return sum(book.finding is Finding.DIFFERS for book in self.books.values())


def compare(books: Sequence[Book]) -> Comparison:
    """Inside of a gated read that gave these books: one look at the other replica for all of them.

    Both are read at the same position of the log, or the other one later; a book that was written in between isn't
    judged. Where they differ all the same, one copy is damaged, which is reported.
    """
    pin = current_pin(topology.CATALOG)
    assert pin is not None, "only inside of a read"
    there = next(alias for alias in topology.database_aliases(topology.CATALOG) if alias != pin.alias)
    names = engine.sides(pin.alias, there)
    if pin.for_writing:
        return Comparison(*names, is_saving=True)
    try:
        with reads.reading_beside(topology.CATALOG, there) as beside:
            others = Book.objects.in_bulk([book.pk for book in books])
    except Unavailable as error:
        return Comparison(*names, error.detail)
    found = Comparison(*names, books={book.pk: _judge(book, others.get(book.pk), beside.touched) for book in books})
    if found.differing:
        return replace(found, remedy=engine.report_difference(get_service(topology.CATALOG)))
    return found


def _judge(book: Book, other: Book | None, touched: frozenset[str]) -> OtherCopy:
    quantity = None if other is None else other.quantity
    if BOOK.key(book.pk) in touched:
        return OtherCopy(Finding.CHANGED, quantity)
    if other is None:
        return OtherCopy(Finding.DIFFERS)
    different = [
        str(column.verbose_name)
        for column in Book._meta.concrete_fields
        if getattr(book, column.attname) != getattr(other, column.attname)
    ]
    return OtherCopy(Finding.DIFFERS if different else Finding.SAME, quantity, different)
