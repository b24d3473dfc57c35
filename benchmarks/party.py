"""A process of one store that does what it is told on its standard input, one JSON list a line: [command, number].

`["sell", 200]` answers the seconds of each of so many sales, `["repair", 0]` what a repair did and how long its parts
took. Without HTTP and without a caretaker: what is measured is replication.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from benchmarks import django_set_up  # noqa: F401  (what follows needs it)
from bookstore_project.replication import points, repair
from bookstore_project.replication.service import get_service
from catalog_app.selling import copies_sell

BOOK = 1


def sell(count: int) -> list[float]:
    """One copy at a time, each for an order of its own."""
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        copies_sell(order=uuid.uuid4(), book_id=BOOK, quantity=1, deadline=None, is_first_attempt=False)
        seconds.append(time.perf_counter() - began)
    return seconds


def repair_catalog(count: int) -> dict[str, Any]:
    """Brings back what is out of sync; when it had caught up by its log, and when it was in sync."""
    began = time.perf_counter()
    reached: dict[str, float] = {}

    def note() -> None:
        reached["caught up"] = time.perf_counter() - began

    points.hooks["repair-caught-up"] = note
    (done,) = repair.repair(get_service("catalog"))
    return {"means": done.means, "entries": done.entries, "in sync": time.perf_counter() - began, **reached}


COMMANDS: dict[str, Callable[[int], Any]] = {"sell": sell, "repair": repair_catalog}


def main() -> None:
    for line in sys.stdin:
        command, count = json.loads(line)
        sys.stdout.write(json.dumps(COMMANDS[command](count)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
