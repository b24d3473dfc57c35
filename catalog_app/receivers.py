"""How the catalog takes part in replication: the ledger rule before a commit, ready entries after it."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from bookstore_project.api.cached_resources import BOOK
from bookstore_project.api.request_id import current_request_id
from bookstore_project.replication import rows
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.events import changes_noted, changes_ready, published
from bookstore_project.replication.invalidation import set_pushes
from bookstore_project.replication.log.entries import RowChange
from bookstore_project.replication.log.images import Image
from bookstore_project.settings import topology
from catalog_app.history import BOOKS, HISTORY, LEDGER, due_history
from catalog_app.models import Book
from catalog_app.serializers import book_bytes


def connect() -> None:
    changes_noted.connect(due_history, sender=topology.CATALOG, dispatch_uid="catalog.history")
    changes_ready.connect(refuse_unexplained_stock, sender=topology.CATALOG, dispatch_uid="catalog.ledger")
    published.connect(push_details, sender=topology.CATALOG, dispatch_uid="catalog.details")


def refuse_unexplained_stock(changes: Sequence[RowChange], **kwargs: Any) -> None:
    """Every copy that comes or goes has its ledger row, in the same transaction."""
    explained: dict[int, int] = defaultdict(int)
    for change in changes:
        if change.table == HISTORY and change.before is not None:
            raise WriteRefused("The history of books is never changed and never deleted.")
        if change.table == LEDGER:
            if change.before is not None or change.after is None:
                raise WriteRefused("Ledger rows are never changed and never deleted; add a correction.")
            explained[change.after["book_id"]] += change.after["change"]
    for change in changes:
        if change.table == BOOKS:
            _check_book(change, explained.pop(change.key, 0))
    for book_id, copies in explained.items():
        if copies:
            raise WriteRefused(f"The ledger moves {copies} copies of book {book_id}, whose stock doesn't move.")


def _check_book(change: RowChange, explained: int) -> None:
    before, after = change.before, change.after
    if after is None:
        raise WriteRefused(f"Book {change.key} has a ledger: retire it, don't delete it.")
    moved = after["quantity"] - (before["quantity"] if before else 0)
    if moved != explained:
        raise WriteRefused(
            f"The stock of book {change.key} changes by {moved}, its ledger by {explained}: "
            "use the services of catalog_app, or add the ledger row in the same transaction."
        )
    if before is not None and after["version"] != before["version"] + 1:
        raise WriteRefused(
            f"Book {change.key} changes and keeps its version: save() the object, or add version=F('version') + 1."
        )


def push_details(changes: Sequence[RowChange], position: int, timeline: str, **kwargs: Any) -> None:
    """Sends the new details of changed books to the fronts, so that the next reader hits."""
    images = [
        change.after
        for change in changes
        if change.table == BOOKS and change.after is not None and not change.after["retired"]
    ]
    if len(images) <= MOST_OFFERED:
        for image in images:
            pushed = set_pushes.SetPush(timeline, position, partial(_body, image), current_request_id())
            set_pushes.enqueue(BOOK.key(image["id"]), pushed)


def _body(image: Image) -> str:
    alias = topology.database_aliases(topology.CATALOG)[0]  # Any: it only says how values are converted.
    return book_bytes(rows.from_image(Book, image, alias)).decode()


MOST_OFFERED = 20
"""Books of one transaction that are worth sending: an import would only flush the cache."""
