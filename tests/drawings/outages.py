"""What customers and the logs show while a replica is killed, and while a file is deleted."""

import contextlib
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from bookstore_project.nodes.tool_client import Session
from tests.drawings.svg import ACCENT, OTHER, Figure, Series
from tests.store import Store

BOOK, REPLICAS, STRUCK = 5, ("order-1", "order-2"), "order-1"
BEFORE_S, AFTER_S = 1.0, 2.0
PAUSE_S = 0.02
BACK = "is back in rotation"
Points = dict[str, list[tuple[float, float]]]
"""By a node's name: seconds since the watch began, and a value."""


@dataclass
class Watch:
    """A customer who buys one copy after the other, and somebody who looks at both logs."""

    store: Store
    began: float = field(default_factory=time.time)
    purchases: Points = field(default_factory=lambda: defaultdict(list))
    """Milliseconds; by who answered, or under "failed"."""
    positions: Points = field(default_factory=lambda: defaultdict(list))
    _over: threading.Event = field(default_factory=threading.Event)

    def _buy(self) -> None:
        with Session(self.store.addresses["front"]) as session:
            while not self._over.wait(PAUSE_S):
                asked = time.time()
                answer = session.call("POST", f"/purchase/{BOOK}")
                by = answer.replica if answer.status == HTTPStatus.CREATED else "failed"
                self.purchases[by].append((asked - self.began, 1000 * (time.time() - asked)))

    def _look(self) -> None:
        while not self._over.wait(PAUSE_S):
            for node in REPLICAS:
                with contextlib.suppress(sqlite3.Error):  # It is gone, or not yet whole.
                    position = newest(self.store.data / node / "order.sqlite3")
                    self.positions[node].append((time.time() - self.began, position))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [threading.Thread(target=work, daemon=True) for work in (self._buy, self._look)]
        for thread in threads:
            thread.start()
        yield
        self._over.set()
        for thread in threads:
            thread.join()

    def events(self, since: float) -> list[tuple[float, str]]:
        """What the front has noticed of the node that was struck, since then."""
        with Session(self.store.addresses["front"]) as session:
            told = session.get("/api/v1/cluster/").json["events"]
        found = [
            (datetime.fromisoformat(event["at"]).timestamp() - self.began, event["event"])
            for event in told
            if event["node"] == STRUCK
        ]
        return sorted(event for event in found if event[0] > since)


def newest(file: Path) -> int:
    """The position of the last entry of its log; raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT max(position) FROM replication_logentry").fetchone()[0] or 0)


def watched(store: Store, what: str, strike: Callable[[], object]) -> tuple[Watch, list[tuple[float, str]]]:
    """What was seen, with what happened, while somebody strikes, until the front has the node back and longer."""
    watch = Watch(store)
    with watch.going_on():
        time.sleep(BEFORE_S)
        struck = time.time() - watch.began
        strike()
        store.wait_for(lambda: any(text == BACK for _, text in watch.events(struck)), what=f"{STRUCK} is back")
        time.sleep(AFTER_S)
    return watch, [(struck, what), *watch.events(struck)]


def killed(store: Store) -> str:
    watch, events = watched(store, f"kill -9 of {STRUCK}", lambda: store.kill(STRUCK))
    colours = {"order-1": ACCENT, "order-2": OTHER, "failed": "#b00020"}
    series = [Series(f"sold by {name}", watch.purchases[name], colours[name]) for name in sorted(watch.purchases)]
    return Figure(f"Purchases while {STRUCK} is killed", "milliseconds that each took", series, events).drawn()


def deleted(store: Store) -> str:
    file = store.data / STRUCK / "order.sqlite3"
    watch, events = watched(store, f"the file of {STRUCK} is deleted", file.unlink)
    series = [
        Series(f"log of {name}", watch.positions[name], colour, is_step=True)
        for name, colour in zip(REPLICAS, (ACCENT, OTHER), strict=True)
    ]
    title = f"Both logs while the file of {STRUCK} is deleted, and customers buy on"
    return Figure(title, "position of the newest entry", series, events).drawn()
