"""Actors at the front: they buy, edit, restock and read, and ask again when they get no answer."""

import json
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.answers import Answer
from tests.chaos.demand import Demand
from tests.chaos.history import OUT_OF_STOCK, SHORT, Asked, Kind, Outcome, Recorder, State
from tests.chaos.log_recorder import price_text
from tests.client import Client
from tests.store import Store

ATTEMPTS = 3
LONGEST_PAUSE_S = 0.03
BURST = 8
"""Reads of one book without a pause."""
BEFORE_ANYTHING = ("unavailable", "throttled")
"""Codes of refusals that come before anything is done: nobody can serve, or too many log in at once."""
CONFLICT = "conflict"
"""The code of a cancellation that is refused for good: the copies are cancelled already."""
UNKNOWN_ORDER = "not_found"
"""The code of a cancellation of an order whose sale an operator gave up."""
FINAL = (CONFLICT, UNKNOWN_ORDER)
UNCLEAR = "unclear"
"""Begins the note of an answer that no client can make sense of."""


class Actor(threading.Thread, ABC):
    """Asks for one thing after another, through one client or another, until it is told to end."""

    longest_pause_s = LONGEST_PAUSE_S

    def __init__(self, name: str, clients: Sequence[Client], folder: Path, rng: random.Random) -> None:
        super().__init__(daemon=True, name=name)
        self.done = 0
        """Operations that have ended."""
        self._rng = rng
        self._clients = clients
        self._recorder = Recorder(folder, name)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            self.turn()
            self._ended.wait(self._rng.uniform(0, self.longest_pause_s))
        self.close()

    def close(self) -> None:
        """Its pen and its connections. `run` does it at its end."""
        self._recorder.close()
        for client in self._clients:
            client.close()

    @abstractmethod
    def turn(self) -> None:
        """What it does between two pauses."""

    def carry_out(self, asked: Asked, client: Client | None = None) -> Outcome:
        """Asks, and writes down what is answered; through any client, unless told which."""
        self._recorder.ask(asked)
        outcome, answer, note = ask(client or self._rng.choice(self._clients), asked, self._ended.wait)
        via = answer.headers.get("x-replica", "") if answer else ""
        shows_book = outcome is Outcome.OK and asked.kind not in (Kind.SELL, Kind.CANCEL, Kind.LIST)
        state = state_of(answer.json) if answer is not None and shows_book else None
        self._recorder.answer(outcome, state=state, via=via, note=note)
        self.done += 1
        return outcome

    def end(self) -> None:
        self._ended.set()


class Customer(Actor):
    """Reads, buys, edits and restocks, through one front."""

    def __init__(self, store: Store, folder: Path, number: int, seed: str, *, reads: float) -> None:
        name = f"customer-{number}"
        rng = random.Random(f"{seed}/{name}")
        super().__init__(name, [Client(store)], folder, rng)
        self._demand = Demand(rng, number, secret_of(store))
        self._reads = reads

    def turn(self) -> None:
        asked = self._demand.read() if self._rng.random() < self._reads else self._demand.write()
        for _ in range(self._rng.choice((1, BURST)) if asked.kind is Kind.READ else 1):
            self._demand.hear(asked, self.carry_out(asked))


def secret_of(store: Store) -> str:
    return (store.data / "secret-key").read_text().strip()


def ask(client: Client, asked: Asked, pause: Callable[[float], Any]) -> tuple[Outcome, Answer | None, str]:
    """Asks until there is a definite answer; what has its key, and a read, more than once."""
    may_be_done = False
    outcome, answer, note = Outcome.REFUSED, None, ""
    for _ in range(ATTEMPTS if asked.key or asked.kind in (Kind.READ, Kind.LIST) else 1):
        outcome, answer, note = _ask_once(client, asked)
        if outcome is Outcome.OK or note.startswith((OUT_OF_STOCK, SHORT, UNCLEAR, *FINAL)):
            return outcome, answer, note
        may_be_done |= outcome is Outcome.OPEN
        pause(0.1)
    return (Outcome.OPEN if may_be_done else outcome), answer, note


def _ask_once(client: Client, asked: Asked) -> tuple[Outcome, Answer | None, str]:
    try:
        answer = _send(client, asked)
    except ConnectionRefusedError:
        return Outcome.REFUSED, None, "connection refused"
    except (OSError, HTTPException) as error:
        return Outcome.OPEN, None, f"{type(error).__name__}: {error}"
    if answer.status in (200, 201):
        return Outcome.OK, answer, _worth_noting(asked, answer)
    if answer.code == "lines_unavailable":
        return Outcome.REFUSED, answer, short_of(answer.json["lines"])
    if answer.code in (OUT_OF_STOCK, *BEFORE_ANYTHING) or (answer.code in FINAL and asked.kind is Kind.CANCEL):
        return Outcome.REFUSED, answer, answer.code
    if answer.code == "outcome_unknown":
        return Outcome.OPEN, answer, answer.code
    return Outcome.OPEN, answer, f"{UNCLEAR}: {answer}"


def short_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """The note of a basket that was refused because of these lines."""
    return " ".join((SHORT, *(str(line["book"]) for line in lines if line["code"] == OUT_OF_STOCK)))


def _worth_noting(asked: Asked, answer: Answer) -> str:
    """Whatever of an answer its operation's state doesn't tell."""
    if asked.kind is Kind.READ:
        return answer.headers.get("x-cache", "")
    return answer.body.decode() if asked.kind in (Kind.SELL, Kind.CANCEL, Kind.LIST) else ""


def _send(client: Client, asked: Asked) -> Answer:
    path = f"/api/v1/books/{asked.book}/"
    if asked.kind is Kind.READ:
        return client.get(path)
    if asked.kind is Kind.LIST:
        return client.get(f"/search/{asked.topic}")
    if asked.kind is Kind.SELL:
        if asked.basket:
            return client.buy_lines(asked.basket, key=asked.key)
        return client.buy(asked.book, asked.copies, key=asked.key)
    if asked.kind is Kind.CANCEL:
        return client.cancel(asked.order, asked.lines, key=asked.key)
    if asked.kind is Kind.RESTOCK:
        return client.post(f"{path}restock/", {"quantity": asked.copies}, as_staff=True)
    fields: dict[str, Any] = {"price": asked.price}
    if asked.quantity is not None:
        fields["quantity"] = asked.quantity
    if asked.topic:
        fields["topic"] = asked.topic
    return client.call("PATCH", path, fields, as_staff=True)


def state_of(book: dict[str, Any]) -> State:
    return State(book["version"], book["quantity"], price_text(book["price"]))


def body_of(text: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(text)
    return members
