"""The history of books: what was changed, by whom, and by which way, for every way there is.

It is written from the images of the changed rows, as the last part of the same replicated transaction. So it has what
`update()`, an import or raw SQL changed as well as what the services did, and both files have the same history.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from bookstore_project.replication import origin, rows
from bookstore_project.replication.log.entries import RowChange
from bookstore_project.settings import topology
from catalog_app.models import Book, BookChange, LedgerEntry

BOOKS, LEDGER, HISTORY = Book._meta.db_table, LedgerEntry._meta.db_table, BookChange._meta.db_table
TEXTS = ("title", "authors", "isbn13", "topic", "price", "retired")
"""The fields whose changes are kept as they are; those of the stock are the ledger's rows that are no sales."""
STOCK = frozenset(BookChange.Field.values) & frozenset(LedgerEntry.Kind.values)
LONGEST_ACTOR = 150


def due_history(changes: Sequence[RowChange], **kwargs: Any) -> Callable[[], None] | None:
    """What writes the history of these changes; None if there is none, as for a sale.

    Rows that bring their own history, as a dump that is loaded, get no second one.
    """
    if any(change.table == HISTORY for change in changes):
        return None
    found = [row for change in changes for row in _rows_of(change)]
    if not found:
        return None
    by, now = origin.current(), timezone.now()

    def write() -> None:
        rows.insert_all([_row(values, by, now) for values in found])

    return write


def _row(values: dict[str, Any], by: origin.Origin, now: datetime) -> BookChange:
    return BookChange(**values, actor=by.actor[:LONGEST_ACTOR], way=by.way, created_at=now)


def _rows_of(change: RowChange) -> Iterator[dict[str, Any]]:
    before, after = change.before, change.after
    if after is None:
        return
    if change.table == LEDGER and after["kind"] in STOCK:
        was = "" if after["kind"] == LedgerEntry.Kind.INITIAL else str(after["balance"] - after["change"])
        yield {
            "book_id": after["book_id"],
            "field": after["kind"],
            "before": was,
            "after": str(after["balance"]),
        }
    elif change.table == BOOKS and before is not None:
        if all(before[name] == after[name] for name in TEXTS):
            return
        alias = topology.database_aliases(topology.CATALOG)[0]  # Any: it only says how values are converted.
        old, new = rows.from_image(Book, before, alias), rows.from_image(Book, after, alias)
        for name in TEXTS:
            was, now = _told(getattr(old, name)), _told(getattr(new, name))
            if was != now:
                yield {"book_id": new.pk, "field": name, "before": was, "after": now}


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
