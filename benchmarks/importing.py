"""How quickly `manage.py import_books` puts new books into both files of a store that nobody else uses."""

import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.children import build, party, say

TITLE = "import of books"


def measure(base: Path, rounds: int, books: int) -> Mapping[str, Mapping[str, float]]:
    """`books` new ones in each round, from a CSV file; of a process that has imported some before."""
    say(f"importing {rounds} × {books:,} books")
    build(base / "store")
    with party(base / "store") as one:
        one("import books", books // 10)
        taken = [one("import books", books) for _ in range(rounds)]
    return {
        TITLE: {
            "books/s": statistics.median(books / seconds for seconds, _ in taken),
            "processor ms a book": statistics.median(1000 * busy / books for _, busy in taken),
        }
    }
