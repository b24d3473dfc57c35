"""What changes books: each function is one replicated transaction, and leaves its ledger row behind."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError
from django.db import router
from django.utils import timezone

from bookstore_project.api import etags, problems
from bookstore_project.api.idempotency import id_of
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_STOCK
from bookstore_project.nodes import deadlines
from bookstore_project.replication import origin, rows
from bookstore_project.replication.transaction import Committed, get_verified, run
from bookstore_project.settings import topology
from bookstore_project.text.columns import CanonicalField
from catalog_app.models import ISBN_IS_SOLD_ONCE, Book, KeyedAnswer, LedgerEntry
from catalog_app.serializers import book_bytes

Kind = LedgerEntry.Kind
_TEXT_FIELDS = {field.name: field for field in Book._meta.concrete_fields if isinstance(field, CanonicalField)}


@dataclass(frozen=True)
class WriteResult:
    """A body that was or is being answered; `is_repeat` if it was, under the same idempotency key."""

    body: bytes
    is_repeat: bool = False


def book_create(
    *, fields: Mapping[str, Any], actor: str, key: str | None = None, deadline: float | None = None
) -> Committed[WriteResult]:
    """Puts a new book on the shelf; its body.

    Raises Invalid if a text can't be taken or its ISBN-13 is on sale already, Unavailable after the deadline.
    """
    fields = checked_texts(fields)

    def change() -> bytes:
        deadlines.assert_not_after(deadline)
        return book_bytes(add_book(fields, actor))

    with origin.made_by(actor):
        return _keyed("create", key, fields, HTTPStatus.CREATED, change)


def add_book(fields: Mapping[str, Any], actor: str) -> Book:
    """Within a transaction: a book with its initial ledger row. Raises Invalid."""
    book = Book(**checked_texts(fields))
    check_unique(book)
    book.save(force_insert=True)
    record(book, Kind.INITIAL, book.quantity, actor=actor)
    return book


def book_update(
    *,
    book_id: int,
    fields: Mapping[str, Any],
    actor: str,
    if_match: str | None = None,
    deadline: float | None = None,
) -> Committed[bytes]:
    """Changes some fields; a changed quantity leaves a correction in the ledger.

    Raises NotFound, PreconditionFailed (`if_match` names another version), Invalid, Unavailable after the deadline.
    """

    def change() -> bytes:
        deadlines.assert_not_after(deadline)
        book = book_to_change(book_id)
        require_match(book, if_match)
        edit_book(book, fields, actor)
        return book_bytes(book)

    with origin.made_by(actor):
        return run(topology.CATALOG, change)


def book_to_change(book_id: int) -> Book:
    """Within a transaction: the book of that id, as the log says it is; so that a damaged row isn't "no such book".

    Raises NotFound if there is none, or it is retired.
    """
    book = get_verified(Book, book_id) if book_id <= MAX_BOOK_ID else None
    if book is None or book.retired:
        raise problems.NotFound(f"There is no book {book_id}.")
    return book


def edit_book(book: Book, fields: Mapping[str, Any], actor: str) -> None:
    """Within a transaction: sets the fields that differ, and explains a changed quantity. Raises Invalid."""
    changed = {name: value for name, value in checked_texts(fields).items() if getattr(book, name) != value}
    if not changed:
        return
    correction = changed.get("quantity", book.quantity) - book.quantity
    for name, value in changed.items():
        setattr(book, name, value)
    if "isbn13" in changed:
        check_unique(book)
    book.save()
    if correction:
        record(book, Kind.CORRECTION, correction, actor=actor)


def checked_texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a book with texts in their one form, so that what looks like no change is none.

    Raises Invalid for texts that are too long, are missing, or have characters that none may have.
    """
    checked, refused = dict(fields), {}
    for name in _TEXT_FIELDS.keys() & fields.keys():
        try:
            checked[name] = _TEXT_FIELDS[name].clean(fields[name], None)
        except ValidationError as error:
            refused[name] = error.messages
    if refused:
        raise problems.Invalid(refused)
    return checked


def book_restock(
    *,
    book_id: int,
    quantity: int,
    actor: str,
    key: str | None = None,
    if_match: str | None = None,
    deadline: float | None = None,
) -> Committed[WriteResult]:
    """Adds copies.

    Raises NotFound, PreconditionFailed, Invalid if the shelf would burst, Unavailable after the deadline.
    """

    def change() -> bytes:
        deadlines.assert_not_after(deadline)
        book = book_to_change(book_id)
        require_match(book, if_match)
        add_copies(book, quantity, actor)
        return book_bytes(book)

    with origin.made_by(actor):
        return _keyed(f"restock {book_id}", key, {"quantity": quantity}, HTTPStatus.OK, change)


def books_restock(*, book_ids: Sequence[int], quantity: int, actor: str, key: str) -> Committed[WriteResult]:
    """Adds as many copies to each of several books, once per idempotency key: all of them, or none.

    Raises NotFound, Invalid (naming the book whose shelf would burst), IdempotencyConflict.
    """

    def change(book_id: int) -> None:
        book = book_to_change(book_id)
        try:
            add_copies(book, quantity, actor)
        except problems.Invalid as error:
            raise problems.Invalid({"quantity": [f"{book.title}: {error.detail}"]}) from error

    return _for_each("restock several", book_ids, {"quantity": quantity}, actor, key, change)


def add_copies(book: Book, quantity: int, actor: str) -> None:
    """Within a transaction: a restock with its ledger row."""
    if book.quantity + quantity > MAX_STOCK:
        raise problems.Invalid({"quantity": [f"There is room for {MAX_STOCK - book.quantity} more copies."]})
    book.quantity += quantity
    book.save()
    record(book, Kind.RESTOCK, quantity, actor=actor)


def book_retire(
    *, book_id: int, actor: str, if_match: str | None = None, deadline: float | None = None
) -> Committed[None]:
    """Takes a book out of the shop; its ledger and its orders stay.

    Raises NotFound, PreconditionFailed, Unavailable after the deadline.
    """

    def change() -> None:
        deadlines.assert_not_after(deadline)
        book = book_to_change(book_id)
        require_match(book, if_match)
        book.retired = True
        book.save()

    with origin.made_by(actor):
        return run(topology.CATALOG, change)


def books_retire(*, book_ids: Sequence[int], actor: str, key: str) -> Committed[WriteResult]:
    """Takes several books out of the shop, once per idempotency key: all of them, or none.

    Raises NotFound (one is out already), IdempotencyConflict.
    """

    def change(book_id: int) -> None:
        book = book_to_change(book_id)
        book.retired = True
        book.save()

    return _for_each("retire several", book_ids, {}, actor, key, change)


def books_bring_back(*, book_ids: Sequence[int], actor: str, key: str) -> Committed[WriteResult]:
    """Puts several retired books back in the shop, once per idempotency key: all of them, or none.

    Raises NotFound, Conflict (one is on sale, or another one with its ISBN-13 is by now), IdempotencyConflict.
    """

    def change(book_id: int) -> None:
        book = get_verified(Book, book_id)
        if book is None:
            raise problems.NotFound(f"There is no book {book_id}.")
        if not book.retired:
            raise problems.Conflict(f"“{book.title}” is on sale already.")
        book.retired = False
        try:
            check_unique(book)
        except problems.Invalid as error:
            told = f"Another book with the ISBN-13 of “{book.title}” is on sale by now."
            raise problems.Conflict(told) from error
        book.save()

    return _for_each("bring several back", book_ids, {}, actor, key, change)


def _for_each(
    purpose: str,
    book_ids: Sequence[int],
    payload: Mapping[str, Any],
    actor: str,
    key: str,
    change: Callable[[int], None],
) -> Committed[WriteResult]:
    """Changes each of the books in one transaction, once per key. Raises as `_keyed` does."""

    def change_all() -> bytes:
        for book_id in book_ids:
            change(book_id)
        return b"{}"

    with origin.made_by(actor):
        return _keyed(purpose, key, {"books": list(book_ids), **payload}, HTTPStatus.OK, change_all)


def record(
    book: Book,
    kind: LedgerEntry.Kind,
    change: int,
    *,
    actor: str = "",
    order: uuid.UUID | None = None,
    quantity: int = 0,
) -> LedgerEntry:
    """Within a transaction: the ledger row that explains a change of the book's stock."""
    row = LedgerEntry(
        book_id=book.pk,
        kind=kind.value,
        change=change,
        balance=book.quantity,
        order=order,
        quantity=quantity,
        title=book.title,
        unit_price=book.price,
        actor=actor,
        created_at=timezone.now(),
    )
    rows.insert(row)
    return row


def require_match(book: Book, if_match: str | None) -> None:
    """RFC 9110, section 13.1.1: strong comparison with the body's entity tag."""
    if if_match is not None and not etags.is_matched(if_match, etags.etag_of(book_bytes(book))):
        raise problems.PreconditionFailed(
            f"Book {book.pk} has changed (it is at version {book.version} now); read it again."
        )


def check_unique(book: Book) -> None:
    """The constraints that a form can't know, as field errors rather than as an IntegrityError."""
    try:
        ISBN_IS_SOLD_ONCE.validate(Book, book, using=router.db_for_write(Book, instance=book))
    except ValidationError as error:
        raise problems.Invalid({"isbn13": error.messages}) from error


def _keyed(
    purpose: str, key: str | None, payload: Mapping[str, Any], status: HTTPStatus, make_body: Callable[[], bytes]
) -> Committed[WriteResult]:
    """Runs `make_body` once per key; a repeat gets the bytes of the first time.

    Raises IdempotencyConflict if the key came with another request before.
    """
    if key is None:
        return run(topology.CATALOG, lambda: WriteResult(make_body()))
    key_id = id_of("staff", key)
    canonical = json.dumps([purpose, payload], sort_keys=True, default=str)
    fingerprint = hashlib.sha256(canonical.encode()).hexdigest()

    def change() -> WriteResult:
        known = KeyedAnswer.objects.filter(pk=key_id).first()
        if known is None:
            body = make_body()
            KeyedAnswer.objects.create(key=key_id, fingerprint=fingerprint, status=status, body=body.decode())
            return WriteResult(body)
        if known.fingerprint != fingerprint:
            raise problems.IdempotencyConflict("This idempotency key was used for another request before.")
        return WriteResult(known.body.encode(), is_repeat=True)

    return run(topology.CATALOG, change)
