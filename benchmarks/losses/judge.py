"""What was lost, by what customers were told and what is in the files."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CREATED = 201
REFUSED = 409


@dataclass(frozen=True)
class Purchase:
    """Of one copy, as its customer saw it."""

    book: int
    status: int
    """0: no answer."""
    order: str = ""
    """The order's id as 32 hexadecimal digits, if there is one."""


@dataclass(frozen=True)
class Look:
    """A read of a book that is sold meanwhile."""

    shown: int
    """How many copies it said are left."""
    most: int
    """How many there can be: what a read that had ended before this one began has shown. Stock only falls."""


@dataclass
class History:
    """All that customers saw."""

    purchases: list[Purchase] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    kills: int = 0


@dataclass(frozen=True)
class File:
    """One replica's rows, or those of both its services: copies by book, orders by id with their book first."""

    stock: Mapping[int, int]
    orders: Mapping[str, tuple[object, ...]]


@dataclass(frozen=True)
class Loss:
    """One kind of it."""

    what: str
    count: int
    example: str = ""


def losses(history: History, start: Mapping[int, int], files: Sequence[File]) -> list[Loss]:
    """Each kind, also where nothing was lost. `start`: the stock of the beginning; `files`: both replicas'."""
    bought = [purchase for purchase in history.purchases if purchase.status == CREATED]
    stale = [look for look in history.looks if look.shown > look.most]
    return [
        _loss("copies sold twice", _sold_twice(bought, start, files)),
        _loss("copies gone, and sold to nobody", _sold_to_nobody(start, files)),
        _loss("orders that are not in both files", _missing(bought, files)),
        _loss("rows that differ between the two files", _different(files)),
        _loss(
            f"stale reads, of {len(history.looks)}",
            [(1, f"{look.shown} copies were shown after somebody had seen {look.most}") for look in stale],
        ),
    ]


def _loss(what: str, found: Iterator[tuple[int, str]] | Sequence[tuple[int, str]]) -> Loss:
    counted = list(found)
    return Loss(what, sum(count for count, _ in counted), counted[0][1] if counted else "")


def _sold_twice(
    bought: Sequence[Purchase], start: Mapping[int, int], files: Sequence[File]
) -> Iterator[tuple[int, str]]:
    """More orders were acknowledged than copies are gone."""
    for book, orders in sorted(Counter(purchase.book for purchase in bought).items()):
        gone = start[book] - min(file.stock[book] for file in files)
        if orders > gone:
            yield (
                orders - gone,
                f"book {book}: {orders} were acknowledged, and {gone} of {start[book]} copies are gone",
            )


def _sold_to_nobody(start: Mapping[int, int], files: Sequence[File]) -> Iterator[tuple[int, str]]:
    """More copies are gone than there are orders, in whichever file."""
    known: dict[str, object] = {order: row[0] for file in files for order, row in file.orders.items()}
    orders = Counter(known.values())
    for book, copies in sorted(start.items()):
        gone = copies - max(file.stock[book] for file in files)
        if gone > orders[book]:
            yield gone - orders[book], f"book {book}: {gone} copies are gone, and there are {orders[book]} orders"


def _missing(bought: Sequence[Purchase], files: Sequence[File]) -> Iterator[tuple[int, str]]:
    """Those that were acknowledged, and those of which the customer got no answer."""
    acknowledged: dict[str, object] = {purchase.order: purchase.book for purchase in bought}
    known = {order: row[0] for file in files for order, row in file.orders.items()} | acknowledged
    for order, book in sorted(known.items()):
        found = [number for number, file in enumerate(files, start=1) if order in file.orders]
        if len(found) < len(files):
            where = f"in order-{found[0]} alone" if found else "in no file"
            told = "" if order in acknowledged else ", and its customer got no answer"
            yield 1, f"order {order[:8]}… of book {book} is {where}{told}"


def _different(files: Sequence[File]) -> Iterator[tuple[int, str]]:
    first, second = files
    for book in sorted(first.stock.keys() | second.stock.keys()):
        one, two = first.stock.get(book), second.stock.get(book)
        if one != two:
            yield 1, f"book {book}: {one} copies in catalog-1, {two} in catalog-2"
    for order in sorted(first.orders.keys() & second.orders.keys()):  # What one file lacks was counted as lost.
        if first.orders[order] != second.orders[order]:
            yield 1, f"order {order[:8]}…: {first.orders[order]} in order-1, {second.orders[order]} in order-2"
