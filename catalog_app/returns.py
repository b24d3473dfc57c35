"""A return, as the order service asks for it: copies of a cancelled order are for sale again, once per cancellation.

The order service decides what is cancelled, and asks until it hears that the copies are back. The ledger has the last
word on how many: no more of a line come back than were sold, whatever the order service may have lost.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from django.utils import timezone

from bookstore_project.api import problems
from bookstore_project.api.representations import MAX_STOCK
from bookstore_project.api.sales import Line, Movement, Return, ReturnedLine
from bookstore_project.replication import rows
from bookstore_project.replication.transaction import Committed, get_verified, run, verify
from bookstore_project.settings import topology
from catalog_app import metrics
from catalog_app.models import Book, LedgerEntry
from catalog_app.sales import sale_of

Kind = LedgerEntry.Kind


def copies_return(
    *, cancellation: uuid.UUID, order: uuid.UUID, lines: Sequence[Line], actor: str
) -> Committed[Return]:
    """Puts copies of a sold order back, of retired books too: all lines, once per cancellation, or none.

    It has no deadline: whether the order is cancelled was decided before, and a late attempt does what is due.
    Raises NotFound (the ledger has no sale of this order), Conflict (more than were sold and haven't come back: for
    good, since returns are never taken back), Invalid (no room on the shelf now), IdempotencyConflict. The first two
    name the order: so they are told from what a server says that doesn't know this request.
    """

    def change() -> Return:
        known = list(LedgerEntry.objects.filter(order=order, cancellation=str(cancellation)).order_by("pk"))
        if known:
            return _repeat(known, lines)
        sold, left = _sold_and_left(order)
        for line in lines:
            if left[line.book] < line.quantity:
                detail = f"Fewer than {line.quantity} copies of book {line.book} are left to return."
                raise problems.Conflict(detail, order=str(order))
        return return_of([_put_back(sold[line.book], line.quantity, cancellation, actor) for line in lines])

    outcome = run(topology.CATALOG, change)
    if not outcome.value.is_repeat:
        metrics.returned.inc(sum(line.quantity for line in outcome.value.lines))
    return outcome


def return_of(entries: Sequence[LedgerEntry], *, is_repeat: bool = False) -> Return:
    """The return that these rows of the ledger tell of."""
    first = entries[0]
    assert first.order is not None
    lines = (ReturnedLine(entry.pk, entry.book_id, entry.quantity) for entry in entries)
    cancellation = uuid.UUID(first.cancellation)
    return Return(cancellation, first.order, first.created_at, first.actor, tuple(lines), is_repeat)


def movements_of(entries: Sequence[LedgerEntry]) -> list[Movement]:
    """The sales and returns that these rows, in their order, tell of. Rows of one of them stand together."""
    told: list[Movement] = []
    for (_, cancellation), group in groupby(entries, key=lambda entry: (entry.order, entry.cancellation)):
        its = list(group)
        told.append(return_of(its) if cancellation else sale_of(its))
    return told


def _sold_and_left(order: uuid.UUID) -> tuple[dict[int, LedgerEntry], Counter[int]]:
    """By book, its row in the sale, and how many of its copies haven't come back.

    Each row is what the log says it is: by a damaged one, too many copies would come back. Raises NotFound.
    """
    entries = list(LedgerEntry.objects.filter(order=order))
    for entry in entries:
        verify(entry)
    sold = {entry.book_id: entry for entry in entries if entry.kind == Kind.SALE}
    if not sold:
        raise problems.NotFound(f"The ledger has no sale of order {order}.", order=str(order))
    left = Counter[int]()
    for entry in entries:
        left[entry.book_id] -= entry.change  # A sale took copies away, a return brings them back.
    return sold, left


def _put_back(sold: LedgerEntry, quantity: int, cancellation: uuid.UUID, actor: str) -> LedgerEntry:
    book = get_verified(Book, sold.book_id)
    assert book is not None, "a book with a ledger is never deleted"
    if book.quantity + quantity > MAX_STOCK:
        room = MAX_STOCK - book.quantity
        raise problems.Invalid({"lines": [f"There is room for {room} more copies of book {book.pk}."]})
    book.quantity += quantity
    book.version += 1
    rows.update(book, "quantity", "version")
    row = LedgerEntry(
        book=book,
        kind=Kind.RETURN,
        change=quantity,
        balance=book.quantity,
        order=sold.order,
        cancellation=str(cancellation),
        quantity=quantity,
        title=sold.title,
        unit_price=sold.unit_price,
        actor=actor,
        created_at=timezone.now(),
    )
    rows.insert(row)
    return row


def _repeat(known: Sequence[LedgerEntry], lines: Sequence[Line]) -> Return:
    for entry in known:
        verify(entry)
    before = {entry.book_id: entry.quantity for entry in known}
    if before != {line.book: line.quantity for line in lines}:
        raise problems.IdempotencyConflict("This cancellation gave other copies back before.")
    return return_of(known, is_repeat=True)
