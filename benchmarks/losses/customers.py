"""Those who buy and read, and the one who kills: the same for both stores."""

import itertools
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from benchmarks.losses.judge import CREATED, REFUSED, History, Look, Purchase
from benchmarks.losses.shops import REPLICAS, SCARCE, WATCHED, Shop
from bookstore_project.nodes.tool_client import Session

BUYERS, REGULARS, READERS = 6, 4, 3
"""Who wants the scarce books, and who buys and who reads the watched one."""
KILL_EVERY_S = 2.0
"""Or later: when all is back that was killed before."""
MOST_S = 60.0
"""How much longer than asked for the kills may take, on a busy machine."""
LOOK_S = 0.2
"""Whether what was killed is back."""
PAUSE_S = 0.01
"""Of a customer between two requests, and of one who got no answer."""


@dataclass
class Crowd:
    """All of them, at one store."""

    shop: Shop
    victims: Sequence[str] = REPLICAS
    history: History = field(default_factory=History)
    _over: threading.Event = field(default_factory=threading.Event)
    _seen: int = sys.maxsize
    """The fewest copies of the watched book that anybody has seen."""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def work(self, seconds: float) -> None:
        """For so long, and until each victim was killed; returns when all have gone home."""
        works: list[Callable[[], None]] = [self._read_watched] * READERS
        works += [self._buy_watched] * REGULARS
        works += [self._buy_scarce] * BUYERS
        killer, *threads = (threading.Thread(target=work, daemon=True) for work in (self._kill, *works))
        killer.start()
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        killer.join(MOST_S)
        self._over.set()
        killer.join()
        for thread in threads:
            thread.join()

    def _buy_scarce(self) -> None:
        """One copy after the other, until there is none."""
        left = set(SCARCE)
        with Session(self.shop.front) as session:
            for book in itertools.cycle(SCARCE):
                if self._over.is_set() or not left:
                    return
                if book in left and self._buy(session, book).status == REFUSED:
                    left.remove(book)

    def _buy_watched(self) -> None:
        with Session(self.shop.front) as session:
            while not self._over.is_set():
                self._buy(session, WATCHED)

    def _buy(self, session: Session, book: int) -> Purchase:
        try:
            answer = session.call("POST", f"/purchase/{book}")
            order = uuid.UUID(answer.json["id"]).hex if answer.status == CREATED else ""
            made = Purchase(book, answer.status, order)
        except OSError:
            made = Purchase(book, 0)
        self.history.purchases.append(made)
        time.sleep(PAUSE_S)
        return made

    def _read_watched(self) -> None:
        with Session(self.shop.front) as session:
            while not self._over.is_set():
                with self._guard:
                    most = self._seen
                try:
                    answer = session.get(f"/product/{WATCHED}")
                except OSError:
                    answer = None
                if answer is not None and answer.status == HTTPStatus.OK:
                    shown: int = answer.json["quantity"]
                    self.history.looks.append(Look(shown, most))
                    with self._guard:
                        self._seen = min(self._seen, shown)
                time.sleep(PAUSE_S)

    def _kill(self) -> None:
        """Each victim once."""
        for node in self.victims:
            if self._over.wait(KILL_EVERY_S):
                return
            while not self.shop.is_whole():  # One fault at a time: more than that nobody promises.
                if self._over.wait(LOOK_S):
                    return
            self.shop.kill(node)
            self.history.kills += 1
