"""What has to be true when everything is in sync again: on both files, of every order, and asked once more."""

import json
import random
import sqlite3
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import Any

from tests.chaos.checker import Step, Violation, check_book
from tests.chaos.customers import UNCLEAR, UNKNOWN_ORDER, ask
from tests.chaos.demand import BOOKS, VICTIM
from tests.chaos.history import Kind, Operation, Outcome
from tests.chaos.injector import Doubt
from tests.chaos.log_recorder import ENTRIES, LogRecorder, RecordedEntry, price_text, steps_of
from tests.client import Client
from tests.databases import SERVICES, dump_both, places, query
from tests.store import Store
from tests.waiting import wait_for

REPEATS = 500
"""Answers that are asked for again, at most."""
SWEPT_S = 60.0
CACHE_TIMEOUT_S = 3.0
"""Of the store: so long a front may show what a damaged file told it before the damage was found."""


def is_judged(operation: Operation, doubts: Sequence[Doubt]) -> bool:
    """Whether what a read shows has to be right: its file wasn't damaged in a way that nobody can see."""
    return operation.is_write or not any(
        operation.via == doubt.alias
        and operation.responded >= doubt.begin
        and operation.invoked <= doubt.end + CACHE_TIMEOUT_S
        for doubt in doubts
    )


def check_history(operations: Sequence[Operation], entries: list[RecordedEntry], given_up_to: int) -> list[Violation]:
    """Each book by itself: linearizability is of each object (Herlihy and Wing, theorem 1)."""
    steps: dict[int, list[Step]] = steps_of(entries, given_up_to)
    found: list[Violation] = []
    for book in (*BOOKS, VICTIM):
        of_book = [operation for operation in operations if operation.asked.book == book]
        for violation in check_book(of_book, steps[book]):
            found.append(Violation(f"book {book}: {violation.what}", violation.evidence))
    for operation in operations:
        if operation.note.startswith(UNCLEAR):
            found.append(Violation("an answer that says nothing clear", (str(operation),)))
    return found


def check_files(store: Store, recorder: LogRecorder, orders_given_up: Set[str] = frozenset()) -> list[Violation]:
    """Both files of each service say the same, and what they say adds up, but for sales that were given up."""
    wait_until_swept(store, orders_given_up)
    recorder.look()  # Copies of a cancellation that was cut short may just have come back.
    found: list[Violation] = []
    for check in (
        unequal_files,
        ledger_gaps,
        partial(order_gaps, given_up=orders_given_up),
        partial(return_gaps, given_up=orders_given_up),
    ):
        found.extend(Violation(what) for what in check(store))
    found.extend(log_gaps(store, recorder))
    return found


def check_scrub(store: Store) -> list[Violation]:
    """Every row of both files, read once more."""
    scrubbed = store.manage("replication", "scrub")
    return [Violation("a scrub finds damage", (scrubbed.stdout, scrubbed.stderr))] if scrubbed.returncode else []


def wait_until_swept(store: Store, given_up: Set[str] = frozenset()) -> None:
    """Returns when every sale has its order, and every cancellation its return, or too late."""

    def is_swept() -> bool:
        with suppress(sqlite3.Error):
            return not [*order_gaps(store, given_up), *return_gaps(store, given_up)]
        return False

    with suppress(AssertionError):
        wait_for(is_swept, SWEPT_S)


def unequal_files(store: Store, look: Callable[[Store, str], object] = dump_both) -> Iterator[str]:
    """`look` raises AssertionError if they differ."""
    for service in SERVICES:
        if len(places(store, service)) < 2:
            continue
        try:
            look(store, service)
        except (AssertionError, sqlite3.Error) as error:
            yield f"{service}: {error}"


def ledger_gaps(store: Store) -> Iterator[str]:
    """At every moment: what the ledger says came and went is what is there."""
    for path in places(store, "catalog"):
        stock: Counter[int] = Counter()
        for number, book, change, balance in query(
            path, "SELECT id, book_id, change, balance FROM catalog_app_ledgerentry ORDER BY id"
        ):
            stock[book] += change
            if stock[book] != balance or balance < 0:
                yield f"{path.name}: after ledger row {number}, {stock[book]} copies of book {book}, not {balance}"
        for book, quantity in query(path, "SELECT id, quantity FROM catalog_app_book"):
            if stock[book] != quantity:
                yield f"{path.name}: {quantity} copies of book {book}, and {stock[book]} by its ledger"


SALES = "SELECT id, \"order\", book_id, quantity, unit_price, title FROM catalog_app_ledgerentry WHERE kind = 'sale'"
ORDERS = "SELECT sale, order_id, book, quantity, unit_price, title FROM order_app_orderline"


def order_gaps(store: Store, given_up: Set[str] = frozenset()) -> Iterator[str]:
    """To each sale its order, and to each order its sale (but for those that were given up), on every file."""
    for catalog, order in zip(places(store, "catalog"), places(store, "order"), strict=True):
        sales, orders = set(query(catalog, SALES)), set(query(order, ORDERS))
        for row in sorted(sales - orders)[:5]:
            yield f"a sale without its order: {row}"
        without = [row for row in sorted(orders - sales) if str(uuid.UUID(row[1])) not in given_up]
        for row in without[:5]:
            yield f"an order without its sale: {row}"


RETURNS = """
    SELECT replace(cancellation, '-', ''), "order", book_id, quantity
    FROM catalog_app_ledgerentry WHERE kind = 'return'
"""
CANCELLED = """
    SELECT made.id, made.order_id, line.book, each.quantity, made.progress FROM order_app_orderchange AS made
    JOIN order_app_cancelledline AS each ON each.change_id = made.id
    JOIN order_app_orderline AS line ON line.sale = each.line_id
    WHERE made.progress != 'void'
"""
FATES = "SELECT id, status FROM order_app_order"


def return_gaps(store: Store, given_up: Set[str] = frozenset()) -> Iterator[str]:
    """To each cancellation its return, and the other way round; orders and lines say what was cancelled of them."""
    for catalog, order in zip(places(store, "catalog"), places(store, "order"), strict=True):
        came_back = set(query(catalog, RETURNS))
        cancelled = set()
        of_line: Counter[tuple[Any, ...]] = Counter()
        for change, of_order, book, copies, progress in query(order, CANCELLED):
            of_line[of_order, book] += copies
            if not (progress == "unsold" and str(uuid.UUID(of_order)) in given_up):
                cancelled.add((change, of_order, book, copies))
        for row in sorted(came_back - cancelled)[:5]:
            yield f"a return without its cancellation: {row}"
        for row in sorted(cancelled - came_back)[:5]:
            yield f"a cancellation whose copies aren't back: {row}"
        left: Counter[str] = Counter()
        for of_order, book, quantity, said in query(
            order, "SELECT order_id, book, quantity, cancelled FROM order_app_orderline"
        ):
            left[of_order] += quantity - said
            if said != (were := of_line[of_order, book]):
                yield f"order {of_order} says that {said} copies of book {book} are cancelled, and {were} were"
        for of_order, status in query(order, FATES):
            if (status == "cancelled") != (left[of_order] == 0):
                yield f"order {of_order} is {status}, with {left[of_order]} copies that aren't cancelled"


def log_gaps(store: Store, recorder: LogRecorder) -> Iterator[Violation]:
    """Chained without a gap; and what was settled once has not been taken back."""
    for service in SERVICES:
        for path in places(store, service):
            entries = [RecordedEntry(*row) for row in query(path, ENTRIES, [-1])]
            for before, after in pairwise(entries):
                if after.position != before.position + 1 or not after.follows(before.hash):
                    yield Violation(f"{path}: the chain breaks at {after.position}")
            if service == "catalog":
                yield from taken_back(recorder, {entry.position: entry for entry in entries})


def taken_back(recorder: LogRecorder, entries: dict[int, RecordedEntry]) -> Iterator[Violation]:
    newest = max(entries, default=-1)
    if recorder.head != newest:
        yield Violation(f"the log was seen settled up to {recorder.head}, and ends at {newest}")
    for seen in recorder.entries:
        now = entries.get(seen.position)
        if now is not None and now.hash != seen.hash:
            yield Violation("a settled entry was taken back", (str(seen), str(now)))
            return


def check_answers(
    store: Store,
    operations: Sequence[Operation],
    rng: random.Random,
    say: Callable[[str], None],
    given_up: Set[str] = frozenset(),
) -> list[Violation]:
    """Every order that was acknowledged is what it was; whoever asks again under the same key is told the same."""
    found: list[Violation] = []
    orders: dict[str, list[Sequence[Any]]] = defaultdict(list)
    for row in query(places(store, "order")[0], f"{ORDERS} ORDER BY sale"):
        orders[str(uuid.UUID(row[1]))].append(row)
    acknowledged = (one for one in operations if one.asked.kind is Kind.SELL and one.outcome is Outcome.OK)
    # Of a basket, one operation for each book: it was one answer.
    sold = list({one.asked.tag: one for one in acknowledged if one.asked.tag not in given_up}.values())
    for operation in sold:
        rows = orders[operation.asked.tag]
        if not rows:
            found.append(Violation("an acknowledged order is missing", (str(operation),)))
        elif operation.note and not _is_same(json.loads(operation.note), rows):
            found.append(Violation("an order isn't what was acknowledged", (str(operation), str(rows))))
    answered = (one for one in operations if one.asked.kind is Kind.CANCEL and one.outcome is Outcome.OK)
    cancelled = list({one.asked.tag: one for one in answered if one.asked.order not in given_up}.values())
    asked = [operation for operation in (*sold, *cancelled) if operation.asked.key and operation.note]
    asked = rng.sample(asked, min(REPEATS, len(asked)))
    say(f"asking again for {len(asked)} of {len(sold)} acknowledged orders and {len(cancelled)} cancellations")
    client = Client(store, keep_alive=True)
    for one in operations:
        if one.asked.kind is Kind.CANCEL and one.note == UNKNOWN_ORDER and one.asked.order not in given_up:
            found.append(Violation("an acknowledged order wasn't found to be cancelled", (str(one),)))
    for operation in asked:
        outcome, answer, note = ask(client, operation.asked, lambda seconds: None)
        if outcome is not Outcome.OK or answer is None or _bought(answer.json) != _bought(json.loads(operation.note)):
            found.append(Violation("another answer to the same key", (str(operation), f"{outcome} {note}")))
        elif answer.headers.get("idempotent-replayed") != "true":
            found.append(Violation("a repeat isn't called one", (str(operation),)))
    client.close()
    return found


def _bought(order: dict[str, Any]) -> dict[str, Any]:
    """An order without what may have become of it since."""
    lines = [{**line, "cancelled": 0} for line in order["lines"]]
    return {**order, "status": "", "lines": lines}


def _is_same(body: dict[str, Any], rows: Sequence[Sequence[Any]]) -> bool:
    shown = [(line["book"], line["quantity"], line["unit_price"], line["title"]) for line in body["lines"]]
    return shown == [(book, quantity, price_text(price), title) for _, _, book, quantity, price, title in rows]
