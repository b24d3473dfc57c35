"""A store of many books beside one of a hundred: hits, misses and purchases, and how long lists and searches take.

And what its largest process has in memory after all that.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import quote, urlencode

from benchmarks import staff_pages
from benchmarks.children import build, say
from benchmarks.load import Target, compare
from benchmarks.percentile import percentile
from benchmarks.processor_time import PROC
from benchmarks.servers import restock
from catalog_app.making.rules import MOST_BOOKS, made_book, made_isbn13
from tests.client import Client
from tests.store import Store

FEW, MANY = 100, MOST_BOOKS
SEVEN, STOCK = 7, 1_000_000
READ = 100
"""Books that are asked for, the same in both stores."""
DEEP = 10_000
PAGE = 20
REQUESTS = 100
"""Of each kind, all different, so that none finds what another one has left behind."""

Figures = dict[str, Mapping[str, float]]


def measure(base: Path, rounds: int, seconds: int, books: int, shelf: Path | None) -> Figures:
    """`shelf` is a data folder that `benchmarks.full_shelf` has made; it is sold from."""
    say(f"making {books:,} books" if shelf is None else f"a store of {books:,} books")
    large = shelf or base / "many"
    build(base / "few", str(FEW), module="benchmarks.full_shelf")
    if shelf is None:
        build(large, str(books), module="benchmarks.full_shelf")
    with Store(base / "few") as few, Store(large) as many:
        say("hits and purchases beside many books")
        figures: Figures = {
            "hit, many books ÷ 100": compared(many, few, ("random.lua", "/product/", str(READ)), 32, rounds, seconds)
        }
        for store in (few, many):
            for book in range(1, SEVEN + 1):
                restock(store, book, STOCK)
        figures["purchase, many books ÷ 100"] = compared(many, few, ("purchases.lua",), 4, rounds, seconds)
        say("lists and searches of many books")
        figures |= lists(many, books)
        say("the admin's lists of many books")
        figures["the admin, of many books"] = staff_pages.measure(many)
        figures["largest process, of many books"] = {"MB": max(map(most_megabytes, many.processes()))}
    environment = {"BOOKSTORE_CACHE_SIZE": "1"}
    with Store(base / "few", environment=environment) as few, Store(large, environment=environment) as many:
        say("misses beside many books")
        misses = ("random.lua", "/product/", str(READ))
        figures["miss, many books ÷ 100"] = compared(many, few, misses, 4, rounds, seconds)
    return figures


def most_megabytes(pid: int) -> float:
    """Resident, at the most so far."""
    status = (PROC / str(pid) / "status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def compared(
    many: Store, few: Store, script: tuple[str, ...], connections: int, rounds: int, seconds: int
) -> Mapping[str, float]:
    ours = Target("many books", many.front, connections, script[0], script[1:])
    return compare(ours, replace(ours, name="100 books", url=few.front), rounds, seconds)


def lists(store: Store, books: int) -> Figures:
    """Milliseconds of requests to a catalog replica, one after the other."""
    figures: Figures = {}
    with Client(store, "catalog-1", keep_alive=True) as client:
        for name, paths in kinds(books):
            taken = [1000 * timed(client, path) for path in paths]
            figures[f"{name}, of many books"] = {
                "p50, ms": statistics.median(taken),
                "p99, ms": percentile(taken, 0.99),
            }
    return figures


def timed(client: Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    assert answer.status in (200, 404), (path, answer)
    return time.perf_counter() - began


def kinds(books: int) -> Iterator[tuple[str, list[str]]]:
    """What is asked for, by name: drawn at random, the same each time."""
    random = Random(1)  # noqa: S311  (no secret)
    deep = min(DEEP, books // PAGE)
    orders = ("id", "-id", "title", "-title", "authors", "price", "-price", "quantity")

    def some(path: Callable[[], str]) -> list[str]:
        return [path() for _ in range(REQUESTS)]

    def words(number: int) -> list[str]:
        title = made_book(0, random.randrange(books)).title.replace(":", "").replace(",", "").split()
        return [title[random.randrange(len(title))] if number == 1 else word for word in title[:number]]

    def find(*typed: str) -> str:
        return f"/api/v1/books/?{urlencode({'find': ' '.join(typed)})}"

    def isbn() -> str:
        return made_isbn13(0, random.randrange(books))

    def topic() -> str:
        return f"/search/{quote(made_book(0, random.randrange(books)).topic)}?page={random.randrange(1, 4)}"

    def page() -> str:
        return f"/api/v1/books/?ordering={random.choice(orders)}&page={deep - random.randrange(50)}"

    yield "topic page", some(topic)
    yield f"page {DEEP:,}", some(page)
    yield "find, several words", some(lambda: find(*words(3)))
    yield "find, a beginning", some(lambda: find((word := words(1)[0])[: max(1, random.randrange(len(word)))]))
    yield "find, with a typo", some(lambda: find(mistyped(max(words(4), key=len), random)))
    yield "find, typos in two words", some(lambda: find(*(mistyped(word, random) for word in words(2))))
    yield "find, two words as one", some(lambda: find("".join(words(2))))
    yield "find, a word as two", some(lambda: find(*parted(max(words(4), key=len), random)))
    yield "find, the beginning of an ISBN", some(lambda: find(isbn()[: random.randrange(1, 13)]))


def parted(word: str, random: Random) -> tuple[str, str]:
    at = random.randrange(1, max(2, len(word)))
    return word[:at], word[at:]


def mistyped(word: str, random: Random) -> str:
    """Two letters of its middle have changed places."""
    at = random.randrange(1, max(2, len(word) - 1))
    return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
