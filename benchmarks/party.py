"""A process of one store that does what it is told on its standard input, one JSON list a line: [command, number].

`["sell", 200]` answers the seconds of each of so many sales, `["repair", 0]` what a repair did and how long its parts
took, `["import books", 1000]` the seconds and the processor's. Without HTTP and without maintenance: what is measured
is replication.
"""

import csv
import io
import json
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from django.core.management import call_command

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from benchmarks.plain import TwoFiles
from bookstore_project.api.sales import Line
from bookstore_project.nodes import garbage
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.repair import rejoin
from bookstore_project.settings import topology
from catalog_app.making.rules import made_book
from catalog_app.models import Book
from catalog_app.sales import order_sell
from catalog_app.selectors import book_get

BOOK = 1
THREADS = 3
IMPORTED = ("title", "authors", "isbn13", "topic", "price", "quantity")
_imported = [0]
"""How many were imported so far: each book once."""


def sell(count: int) -> list[float]:
    """One copy at a time, each for an order of its own."""
    return timed(
        lambda: order_sell(order=uuid.uuid4(), lines=[Line(BOOK, 1)], deadline=None, is_first_attempt=False),
        count,
    )


def sell_at_once(count: int) -> list[float]:
    """The same by so many threads as write in each catalog replica when six customers buy, each so many."""
    with ThreadPoolExecutor(THREADS) as threads:
        return [seconds for sold in threads.map(lambda _: sell(count), range(THREADS)) for seconds in sold]


def sell_plainly(count: int) -> list[float]:
    return timed(plain_files().sell, count)


@cache
def plain_files() -> TwoFiles:
    return TwoFiles(topology.DATA / "plain")


def read(count: int) -> list[float]:
    """A book, through the gate, as a catalog replica reads it for its page: its digest is checked."""
    return timed(lambda: gated(lambda: book_get(BOOK)), count)


def query(count: int) -> list[float]:
    """A book, through the gate, by a query of the ORM."""
    return timed(lambda: gated(lambda: Book.objects.get(pk=BOOK)), count)


def gated(work: Callable[[], object]) -> None:
    with reads.reading("catalog", alias="catalog-1", keys=("book:1",)):
        work()


def read_plainly(count: int) -> list[float]:
    """A query of the ORM, of the same file, with no promise."""
    return timed(lambda: Book.objects.using("catalog-1").get(pk=BOOK), count)


def timed(work: Callable[[], object], count: int) -> list[float]:
    """The seconds of each call."""
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def import_books(count: int) -> tuple[float, float]:
    """So many new ones, from a CSV file; how long it took, and for how long of that a processor was busy."""
    numbers = range(_imported[0], _imported[0] + count)
    _imported[0] = numbers.stop
    path = topology.DATA / "books.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(IMPORTED)
        writer.writerows([getattr(book, name) for name in IMPORTED] for book in (made_book(1, n) for n in numbers))
    began, busy = time.perf_counter(), time.process_time()
    call_command("import_books", path, stdout=io.StringIO(), stderr=io.StringIO())
    return time.perf_counter() - began, time.process_time() - busy


def repair_catalog(count: int) -> dict[str, Any]:
    """Brings back what is out of sync; when it had caught up by its log, and when it was in sync."""
    began, busy = time.perf_counter(), time.process_time()
    reached: dict[str, float] = {}

    def note() -> None:
        reached["caught up"] = time.perf_counter() - began
        reached["caught up, of a core"] = time.process_time() - busy

    failpoints.hooks["repair-caught-up"] = note
    (done,) = rejoin.repair(get_service("catalog"))
    return {"means": done.means, "entries": done.entries, "in sync": time.perf_counter() - began, **reached}


COMMANDS: dict[str, Callable[[int], Any]] = {
    "sell": sell,
    "sell at once": sell_at_once,
    "sell plainly": sell_plainly,
    "read": read,
    "query": query,
    "read plainly": read_plainly,
    "repair": repair_catalog,
    "import books": import_books,
}


def main() -> None:
    garbage.settle_in()  # As a node does.
    for line in sys.stdin:
        command, count = json.loads(line)
        sys.stdout.write(json.dumps(COMMANDS[command](count)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
