"""Processes that go straight through the replicated transaction and the read gate, and die in the middle of it.

`python -m tests.chaos.direct FOLDER SEED PAUSE_S [doomed]` keeps a few children at work, on the store that the
environment names. It forks them before it has any thread or open database: a child inherits no lock. On its input it
takes `kill`, which kills one of them; it ends with its input.
"""

import importlib
import os
import random
import select
import signal
import sys
import time
import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

from tests.chaos.customers import FINAL, UNCLEAR, body_of, short_of, state_of
from tests.chaos.demand import Demand
from tests.chaos.history import OUT_OF_STOCK, Asked, Kind, Outcome, Recorder, State

CHILDREN = 4
BURST = 25
"""Reads that one child in `CHILDREN` makes without a pause, of one book, from both files in turn."""
ALIASES = ("catalog-1", "catalog-2")
POINTS = (
    "group-locked",
    "begun",
    "made",
    "shrunk",
    "before-commit",
    "committed-catalog-1",
    "committed-catalog-2",
    "committed",
    "leases-read",
    "invalidated",
    "floor",
    "evict",
    "settle-rolled",
    "settle-committed",
    "settle-invalidated",
    "gate-snapshot",
    "lease-renewed",
    "barrier",
)
DOOMED, SLOW = 0.6, 0.3
"""Of the children: they die at one of the points, or linger there now and then."""
LONGEST_REST_S = 0.3
FIRST_NUMBER = 1000
"""Of the children, as actors; customers have smaller ones."""


def main(folder: Path, seed: str, longest_pause_s: float, *, is_doomed: bool) -> None:
    django.setup()
    # Imports take long, and children are many.
    for module in ("catalog_app.returns", "catalog_app.sales", "catalog_app.services"):
        importlib.import_module(module)

    rng = random.Random(f"{seed}/direct")
    children: dict[int, int] = {}
    number = FIRST_NUMBER
    while not _has_ended(rng, children):
        while children:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            del children[pid]
        while len(children) < CHILDREN:
            number += 1
            children[_fork(folder, seed, number, longest_pause_s, is_doomed=is_doomed)] = number
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _has_ended(rng: random.Random, children: dict[int, int]) -> bool:
    """Obeys for a moment; whether the input has ended."""
    if not select.select([sys.stdin], [], [], 0.05)[0]:
        return False
    order = sys.stdin.readline()
    if order and children:
        os.kill(rng.choice(sorted(children)), signal.SIGKILL)  # A child of ours: the pid is nobody else's.
    return not order


def _fork(folder: Path, seed: str, number: int, longest_pause_s: float, *, is_doomed: bool) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        recorder, demand = Recorder(folder, f"direct-{number}"), Demand(random.Random(f"{seed}/{number}"), number)
        if is_doomed:
            _decide(recorder, demand.rng)
        _work(parent, recorder, demand, longest_pause_s)
    finally:
        os._exit(1)


def _work(parent: int, recorder: Recorder, demand: Demand, longest_pause_s: float) -> None:
    is_reader = demand.number % CHILDREN == 0
    while os.getppid() == parent:
        if is_reader:
            asked = demand.read()
            for turn in range(BURST):
                _carry_out(asked, recorder, demand.rng, ALIASES[turn % 2])
        else:
            asked = demand.read() if demand.rng.random() < 0.2 else demand.write()
            if asked.kind is Kind.RESTOCK:
                asked = replace(asked, tag=f"{recorder.actor} {time.monotonic()}")
            outcome = _carry_out(asked, recorder, demand.rng, demand.rng.choice(ALIASES))
            demand.hear(asked, outcome)
        time.sleep(demand.rng.uniform(0, longest_pause_s))


def _carry_out(asked: Asked, recorder: Recorder, rng: random.Random, alias: str) -> Outcome:
    recorder.ask(asked)
    outcome, state, via, note = do(asked, rng, alias)
    recorder.answer(outcome, state=state, via=via, note=note)
    return outcome


def _decide(recorder: Recorder, rng: random.Random) -> None:
    point, fate = rng.choice(POINTS), rng.random()
    if fate < DOOMED:
        _doom(recorder, point, rng.randint(0, 10))
    elif fate < DOOMED + SLOW:
        _slow_down(point, rng)


def _slow_down(point: str, rng: random.Random) -> None:
    from bookstore_project.replication import failpoints

    def linger() -> None:
        if rng.random() < SLOW:
            time.sleep(rng.uniform(0, LONGEST_REST_S))

    failpoints.hooks[point] = linger


def _doom(recorder: Recorder, point: str, spared: int) -> None:
    """It dies when it comes to that point for the `spared`-and-first time."""
    from bookstore_project.replication import failpoints

    left = [spared]

    def die() -> None:
        left[0] -= 1
        if left[0] < 0:
            recorder.killed_at(point)
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.hooks[point] = die


def do(asked: Asked, rng: random.Random, alias: str) -> tuple[Outcome, State | None, str, str]:
    """Carries it out; outcome, what is shown, by whom, and a note."""
    from bookstore_project.api.problems import OutcomeUnknown, StoreError, Unavailable

    try:
        if asked.kind is Kind.READ:
            return _read(asked.book, rng, alias)
        return Outcome.OK, _write(asked), "", ""
    except Unavailable as error:
        return Outcome.REFUSED, None, "", error.code
    except OutcomeUnknown as error:
        return Outcome.OPEN, None, "", error.code
    except StoreError as error:
        if error.code == OUT_OF_STOCK or (error.code in FINAL and asked.kind is Kind.CANCEL):
            return Outcome.REFUSED, None, "", error.code
        if error.code == "lines_unavailable":
            return Outcome.REFUSED, None, "", short_of(error.extra["lines"])
        return Outcome.OPEN, None, "", f"{UNCLEAR}: {error!r}"
    except Exception as error:  # None of what run() and reading() promise to raise.
        return Outcome.OPEN, None, "", f"{UNCLEAR}: {error!r}"


def _read(book: int, rng: random.Random, alias: str) -> tuple[Outcome, State, str, str]:
    from bookstore_project.api.cached_resources import BOOK
    from bookstore_project.replication import reads
    from catalog_app.models import Book

    keys: Any = (BOOK.key(book),) if rng.random() < 0.5 else ()
    with reads.reading("catalog", alias=alias, keys=keys):
        row = Book.objects.get(pk=book)
    return Outcome.OK, State(row.version, row.quantity, f"{row.price:.2f}"), alias, ""


def _write(asked: Asked) -> State | None:
    from bookstore_project.api.sales import Line
    from catalog_app import returns, sales, services

    if asked.kind is Kind.CANCEL:
        # Behind the order service's back: the sweeper finds it in the ledger.
        lines = [Line(book, copies) for book, copies in asked.lines]
        cancellation, order = uuid.UUID(asked.tag), uuid.UUID(asked.order)
        returns.copies_return(cancellation=cancellation, order=order, lines=lines, actor="direct")
        return None
    if asked.kind is Kind.SELL:
        order = uuid.UUID(asked.tag)
        lines = [Line(book, copies) for book, copies in asked.lines]
        committed = sales.order_sell(order=order, lines=lines, deadline=None, is_first_attempt=False)
        if asked.basket:
            return None  # It made a version of each book.
        image = next(change.after for change in committed.changes if change.table == "catalog_app_book")
        assert image is not None
        return state_of(image)
    if asked.kind is Kind.RESTOCK:
        restocked = services.book_restock(book_id=asked.book, quantity=asked.copies, actor=asked.tag)
        return state_of(body_of(restocked.value.body.decode()))
    fields: dict[str, Any] = {"price": Decimal(asked.price)}
    if asked.quantity is not None:
        fields["quantity"] = asked.quantity
    return state_of(body_of(services.book_update(book_id=asked.book, fields=fields, actor="").value.decode()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), is_doomed="doomed" in sys.argv[4:])
