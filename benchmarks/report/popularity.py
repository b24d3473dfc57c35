"""What customers ask for: books by a Zipf law, or by how often people have rated them."""

import csv
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

EXPONENT = 0.9
"""Of the Zipf law: the book of rank r is asked for in proportion to r ** -0.9. Traces of web caches have 0.6 to 1
(Breslau et al., "Web Caching and Zipf-like Distributions", INFOCOM 1999)."""
COLUMN = "ratings_count"


def zipf(books: int, exponent: float = EXPONENT) -> list[float]:
    """The weight of each rank."""
    return [rank**-exponent for rank in range(1, books + 1)]


def ratings(file: Path, books: int) -> list[float]:
    """The most rated ones' counts, from a CSV file with the column `ratings_count`; ValueError if it has too few."""
    with file.open(newline="") as lines:
        counts = sorted((float(row[COLUMN]) for row in csv.DictReader(lines)), reverse=True)[:books]
    if len(counts) < books:
        raise ValueError(f"{file} has {len(counts)} books, and {books} are needed")
    return counts


def trace(weights: Sequence[float], length: int, seed: int) -> list[int]:
    """So many books, from 1, drawn independently; the same for the same seed."""
    return random.Random(seed).choices(range(1, len(weights) + 1), weights=weights, k=length)


def endless(weights: Sequence[float], seed: int) -> Iterator[int]:
    """The same without an end."""
    chance, books = random.Random(seed), range(1, len(weights) + 1)
    totals = list(itertools.accumulate(weights))
    while True:
        yield from chance.choices(books, cum_weights=totals, k=1000)
