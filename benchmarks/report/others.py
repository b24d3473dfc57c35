"""What other stores promise for the same operations, by their own documents; and one PostgreSQL, if it is here."""

import itertools
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.percentile import percentile
from benchmarks.report.generator import Run
from benchmarks.report.judging import CREATED, spread
from benchmarks.report.loads import BOOKS, PURCHASE, QUERY, by_turns, fill, mixed, rows, steadily
from benchmarks.report.section import Cost, Effort, Part, Section, Table
from benchmarks.report.stores import BARE, Stores
from tests.on_postgresql import PACKAGE, program
from tests.postgres import Server
from tests.store import QUICK_LOGINS, Store

HEAD = ("store", "an acknowledged write is on", "a read may be stale", "when a node is lost", "its document")
PROMISES = (
    (
        "this store, on two SQLite files",
        "both files, or on the one that alone is in sync",
        "no (coherence `full`), also not from a front's cache",
        "the other replica serves at once; the lost one catches up by log or copy",
        "docs/DESIGN.md",
    ),
    (
        "rqlite",
        "a majority of nodes (Raft); queued writes, if asked for, are acknowledged earlier",
        "by level: `none` may be; `weak`, the default, for a short time around a change of leaders; `linearizable` "
        "and `strong` are there to prevent it",
        "goes on while more than half of the nodes are up and reach one another",
        "https://rqlite.io/docs/api/read-consistency/ https://rqlite.io/docs/api/queued-writes/ "
        "https://rqlite.io/docs/clustering/general-guidelines/",
    ),
    (
        "LiteFS",
        "the primary alone: replication is asynchronous, and a crash of the primary can lose what was not sent yet",
        "yes, on a replica; an application can wait for a transaction's number",
        "another node becomes primary when the lease has run out",
        "https://github.com/superfly/litefs/blob/main/docs/ARCHITECTURE.md https://fly.io/docs/litefs/position/",
    ),
    (
        "PostgreSQL, one server",
        "that server's disk, with `synchronous_commit` as it is by default; with `off` the last ones may be lost",
        "no: there is one copy. What an application keeps in a cache is its own affair",
        "nobody serves until it is back; what was committed is there then",
        "https://www.postgresql.org/docs/15/wal-async-commit.html https://www.postgresql.org/docs/15/wal-intro.html",
    ),
)
FILES, SERVER = "two SQLite files", "one PostgreSQL"
RATES = {QUERY: 60.0, PURCHASE: 15.0}
KILLED_FOR_S = 1.0
STRIKE_S = 1.0
NO_PROGRAM = f"there is no program `postgres` (Debian's package {PACKAGE})"
NO_TIME = "making a server takes longer than all the rest of a quick report"
LOAD_RATE, PURCHASE_EVERY = 60.0, 5


@dataclass(frozen=True)
class Loss:
    """The server killed under load, and started again after `KILLED_FOR_S`."""

    run: Run
    orders: int
    """That were there afterwards, of those made meanwhile."""

    @property
    def acknowledged(self) -> int:
        return sum(sample.status == CREATED for sample in self.run.samples)


Runs = Mapping[tuple[str, str], Sequence[Run]]
"""By kind of request and store."""


def measure(stores: Stores, effort: Effort, tell: Callable[[str], None]) -> Section:
    if effort.is_quick or program("postgres") is None:
        return section({}, NO_TIME if effort.is_quick else NO_PROGRAM, [])
    tell("starting a PostgreSQL, and a store on it")
    server = Server(stores.base / "postgresql", is_durable=True)
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.create()
        settings = QUICK_LOGINS | BARE | {"BOOKSTORE_DATABASE_URL": server.url}
        store = stack.enter_context(Store(stores.base / "on-server", environment=settings, is_forked=True))
        fill(store)
        compared = {FILES: stores.kept(bare=BARE)[0], SERVER: store}
        runs, costs = by_turns(compared, RATES, effort.rounds, 0.6 * effort.seconds, tell)
        tell("the server is killed")
        loss = _killed(store, server)
    return section(runs, loss, costs)


def _killed(store: Store, server: Server) -> Loss:
    """Returns when the store sells again."""
    before = _orders(server)

    def strike() -> None:
        time.sleep(STRIKE_S)
        server.stop(signal.SIGKILL)
        time.sleep(KILLED_FOR_S)
        server.start()

    thread = threading.Thread(target=strike)
    thread.start()
    requests = mixed(itertools.cycle(range(1, BOOKS + 1)), PURCHASE_EVERY)
    run = steadily(store, requests, LOAD_RATE, 3 * STRIKE_S + KILLED_FOR_S)
    thread.join()
    store.wait_ready()
    return Loss(run, _orders(server) - before)


def _orders(server: Server) -> int:
    return int(server.execute("SELECT count(*) FROM order_app_order", database="order")[0][0])


def section(runs: Runs, loss: Loss | str, costs: Sequence[Cost]) -> Section:
    """Instead of a `loss`: why nothing was measured."""
    return Section(
        title="Beside other stores",
        question="What do rqlite, LiteFS and a single PostgreSQL promise for the same operations?",
        shows="Copies on the way of each write (both files, or a majority) cost a wait at each write, and save what "
        "a crash would lose. What these documents promise ends at the database. This store's promise has its fronts' "
        f"caches in it. {_loss(loss)}",
        limits="The promises are read, not measured, and shortened: the documents count. A quorum of three machines "
        "survives the loss of one machine; this store's two files are on one machine unless its rows are on "
        "PostgreSQL. rqlite and LiteFS were not run here: they are no packages of Debian 12, and LiteFS needs FUSE "
        "and Consul.",
        tables=[Table("Promises, by each store's own documents", HEAD, PROMISES), *([_times(runs)] if runs else [])],
        raw={
            "beside_postgresql": [
                row
                for (_, name), rounds in runs.items()
                for turn, run in enumerate(rounds, start=1)
                for row in rows(run.samples, {"store": name, "round": turn})
            ]
        },
        costs=list(costs),
    )


def _loss(loss: Loss | str) -> str:
    if isinstance(loss, str):
        return f"PostgreSQL was not run: {loss}."
    seconds = f"{KILLED_FOR_S:g} s"
    return (
        f"Its PostgreSQL killed, and started again after {seconds}: {loss.run.failed} of {len(loss.run.samples)} "
        f"requests failed, and of {loss.acknowledged} acknowledged orders {max(0, loss.acknowledged - loss.orders)} "
        "were gone. A killed replica of two files costs no request (*Failing*)."
    )


def _times(runs: Runs) -> Table:
    body = []
    for (kind, name), rounds in runs.items():
        took = [[sample.took_ms for sample in run.answered] for run in rounds]
        spreads = [spread([percentile(each, part) for each in took]) for part in (0.5, 0.99)]
        body.append([f"{kind}, {name}", *map(str, spreads), str(sum(run.failed for run in rounds))])
    return Table(
        "The same store without a cache: its rows on one PostgreSQL server (`fsync` on, no standby); on two files",
        ["", "median ms", "99th percentile, ms", "failed"],
        body,
    )


PART = Part("others", 35, 1, measure)
