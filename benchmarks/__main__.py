"""`make bench`: the store's speed as ratios, in one run."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import crowded, engines, goals, importing, many_books, outages, repair, replication, stops, yardstick
from benchmarks.children import say, tell
from benchmarks.load import Target, compare, require_wrk
from benchmarks.servers import bare_application, record_answer, restock, start_seconds
from tests import tool
from tests.redis import RedisServer
from tests.store import Store

Figures = dict[str, Mapping[str, float]]
BOOKS = 7
STOCK = 1_000_000


def main() -> int:
    """The exit status: 1 if a figure falls below 0.8 of its goal, unless it was measured quickly."""
    options = parse_options()
    chosen = options.only or list(PARTS)
    if {"front", "yardstick", "many-books", "engines"} & set(chosen):
        require_wrk()
    before = json.loads(options.before.read_text()) if options.before else {}
    figures: Figures = {}
    left = list(chosen)
    with tool.running("bench", plan_of(chosen, options), write=print_aside) as telling:
        tell(telling.begin)
        try:
            while left:
                base = telling.folder / left[0]
                base.mkdir()
                figures |= PARTS[left[0]](base, options)
                del left[0]
        finally:  # Whoever interrupts it has waited for what there is.
            report(figures, before, options, left)
    return goals.exit_status(figures, before, is_quick=options.quick)


def plan_of(chosen: Sequence[str], options: argparse.Namespace) -> str:
    minutes = sum(MINUTES[name] for name in chosen) * (
        0.15 if options.quick else options.rounds * options.seconds / 20
    )
    return f"Measuring {', '.join(chosen)}: about {max(1, round(minutes))} min on a quiet machine."


def print_aside(text: str) -> None:
    """What is asked for, the figures, is on standard output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def measure_start(base: Path, options: argparse.Namespace) -> Figures:
    say("starting")
    starts = [start_seconds(base / "start") for _ in range(2)]
    return {"from `make run` to ready": {"first, s": starts[0], "again, s": starts[1]}}


def measure_stop(base: Path, options: argparse.Namespace) -> Figures:
    return stops.measure(base, min(options.rounds, 3))


def measure_front(base: Path, options: argparse.Namespace) -> Figures:
    hits = measure_hits(base, options) | measure_shared_hits(base, options)
    return hits | measure_misses(base, options) | measure_purchases(base, options)


def measure_replication(base: Path, options: argparse.Namespace) -> Figures:
    return replication.measure(base, options.rounds * 3)


def measure_repair(base: Path, options: argparse.Namespace) -> Figures:
    return repair.measure(base, options.rounds * 4, 50 if options.quick else 1)


def measure_hits(base: Path, options: argparse.Namespace) -> Figures:
    """A hit through the front ÷ a bare application that sends the same."""
    say("hits")
    return {"hit ÷ bare application": compare_hits(base / "hits", {}, options)}


def measure_shared_hits(base: Path, options: argparse.Namespace) -> Figures:
    """The same, of a front whose cache is in Redis."""
    if shutil.which("redis-server") is None:
        say("hits from Redis: left out, as there is no redis-server (apt install redis-server)")
        return {}
    say("hits from Redis")
    with RedisServer() as server:
        figures = compare_hits(base / "shared", {"BOOKSTORE_CACHE_URL": server.url}, options)
    return {"hit from Redis ÷ bare application": figures}


def compare_hits(data: Path, environment: Mapping[str, str], options: argparse.Namespace) -> Mapping[str, float]:
    with Store(data, environment=environment) as store:
        answer = data.with_name(f"{data.name}.json")
        record_answer(store.addresses["front"], "/product/2", answer)
        with bare_application(answer) as bare:
            ours = Target("hit at the front", f"{store.front}/product/2", 32)
            yardstick = Target("bare application", f"http://{bare}/product/2", 32)
            return compare(ours, yardstick, options.rounds, options.seconds)


def measure_misses(base: Path, options: argparse.Namespace) -> Figures:
    """A miss through the front ÷ the same read directly at the catalog: a cache of one entry misses always."""
    say("misses")
    with Store(base / "misses", environment={"BOOKSTORE_CACHE_SIZE": "1"}) as store:
        books = ("/api/v1/books/", str(BOOKS))
        ours = Target("miss at the front", store.front, 4, "books.lua", books)
        yardstick = Target("read at the catalog", store.url("catalog-1"), 4, "books.lua", books)
        return {"miss ÷ read at the catalog": compare(ours, yardstick, options.rounds, options.seconds)}


def measure_purchases(base: Path, options: argparse.Namespace) -> Figures:
    """A purchase through the front ÷ a sale directly at the catalog."""
    say("purchases")
    with Store(base / "purchases") as store:
        for book in range(1, BOOKS + 1):
            restock(store, book, STOCK)
        token = (store.data / "service-token").read_text().strip()
        ours = Target("purchase at the front", store.front, 4, "purchases.lua")
        yardstick = Target("sale at the catalog", store.url("catalog-1"), 4, "sales.lua", (token,))
        pairs = compare(ours, yardstick, options.rounds, options.seconds)
        return {"purchase ÷ sale at the catalog": pairs}


def measure_crowd(base: Path, options: argparse.Namespace) -> Figures:
    return crowded.measure(base, options.rounds, options.seconds, 50 if options.quick else 1)


def measure_coherence(base: Path, options: argparse.Namespace) -> Figures:
    """Purchases of a store that promises freshness ÷ of one whose entries merely expire."""
    say("what coherence costs")
    stores = [
        Store(base / mode, environment={"BOOKSTORE_COHERENCE": mode, "BOOKSTORE_CACHE_TIMEOUT_S": "60"})
        for mode in ("full", "none")
    ]
    with stores[0] as full, stores[1] as none:
        for store in stores:
            for book in range(1, BOOKS + 1):
                restock(store, book, STOCK)
        ours = Target("coherence `full`", full.front, 4, "purchases.lua")
        yardstick = Target("coherence `none`", none.front, 4, "purchases.lua")
        return {"purchases with coherence ÷ without": compare(ours, yardstick, options.rounds, options.seconds)}


def measure_yardstick(base: Path, options: argparse.Namespace) -> Figures:
    return yardstick.measure(base, options.rounds, options.seconds)


def measure_engines(base: Path, options: argparse.Namespace) -> Figures:
    return engines.measure(base, options.rounds, options.seconds)


def measure_outages(base: Path, options: argparse.Namespace) -> Figures:
    return outages.measure(base, 4 if options.quick else 15)


def measure_many_books(base: Path, options: argparse.Namespace) -> Figures:
    books = options.books or (20_000 if options.quick else many_books.MANY)
    return many_books.measure(base, options.rounds, options.seconds, books, options.shelf)


def measure_import(base: Path, options: argparse.Namespace) -> Figures:
    return dict(importing.measure(base, options.rounds, 300 if options.quick else 3000))


PARTS: dict[str, Callable[[Path, argparse.Namespace], Figures]] = {
    "start": measure_start,
    "stop": measure_stop,
    "front": measure_front,
    "yardstick": measure_yardstick,
    "crowd": measure_crowd,
    "many-books": measure_many_books,
    "import": measure_import,
    "coherence": measure_coherence,
    "engines": measure_engines,
    "outages": measure_outages,
    "replication": measure_replication,
    "repair": measure_repair,
}


MINUTES = {
    "start": 0.3,
    "stop": 0.6,
    "front": 4,
    "yardstick": 5,
    "crowd": 3,
    "many-books": 12,
    "import": 0.8,
    "coherence": 1.5,
    "engines": 8,
    "outages": 2,
    "replication": 1,
    "repair": 4,
}
"""About how long each part takes, with as many rounds and seconds as by default."""


def report(figures: Figures, before: Figures, options: argparse.Namespace, left: Sequence[str] = ()) -> None:
    """Prints the figures; `left` are the parts that weren't measured, or not to their end."""
    lines = ["Each comparison interleaved, in one run, on one machine: medians of its rounds."]
    for title, values in figures.items():
        lines.append(f"\n{title}")
        lines += [f"  {name:<44}{value:>12,.2f}" for name, value in values.items()]
    if table := goals.table(figures, before):
        lines += ["", *table]
    if options.quick:
        lines.append("Measured quickly: too short to judge by.")
    if left:
        lines.append(f"Not measured: {', '.join(left)}.")
    sys.stdout.write("\n".join(lines) + "\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="these parts (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison (default 5)")
    parser.add_argument("--seconds", type=int, default=4, help="seconds of load in a round (default 4)")
    parser.add_argument("--quick", action="store_true", help="small and inexact, to see that all of it runs")
    parser.add_argument("--before", type=Path, help="figures of an earlier run (its --json), to compare with")
    parser.add_argument("--books", type=int, help=f"of the part `many-books` (default {many_books.MANY:,})")
    parser.add_argument(
        "--shelf",
        type=Path,
        help="the data folder of a store with so many --books, made by `python -m benchmarks.full_shelf`; it is sold "
        "from (default: one is made, which takes minutes)",
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 1
    return options


if __name__ == "__main__":
    sys.exit(main())
