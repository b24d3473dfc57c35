"""Load: a closed loop of customers who wait for their answers, and an open loop that waits for nobody.

A closed loop finds the throughput. It asks less when the store is slow, and so hides what customers would have felt
(coordinated omission: G. Tene, "How NOT to Measure Latency"). An open loop has a timetable. A request that is due
while the store stands still is due all the same, and its time runs from then, also while it waits here for a
connection.
"""

import heapq
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.report.wire import Reply, Request, Wire, is_whole, read_reply

TIMEOUT_S = 10.0
CHECK_S = 0.1
"""How often it looks for requests that have waited for so long."""
CONNECTIONS = 256
"""Of an open loop, at most: more than that wait here, and their time runs."""
WAIT_S = 0.01
"""For one of them, before it looks again."""
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One request and what came of it. Moments are seconds since the load began."""

    kind: str
    book: int
    due_s: float
    sent_s: float
    done_s: float
    status: int
    """0: no answer."""
    cache: str = ""
    replica: str = ""
    shown: int | None = None
    """What the caller wanted to know of the body."""

    @property
    def took_ms(self) -> float:
        """From when it was due."""
        return 1000 * (self.done_s - self.due_s)

    @property
    def is_answered(self) -> bool:
        """As it should be: created, or shown, or refused with a reason."""
        return self.status != NO_ANSWER and self.status < 500


@dataclass(frozen=True)
class Run:
    """All of one load."""

    samples: list[Sample]
    seconds: float
    cost_s: float
    """Processor time of the load generator itself, until the last answer was there."""
    began: float
    """By the wire's clock."""

    @property
    def answered(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.is_answered]

    @property
    def failed(self) -> int:
        return len(self.samples) - len(self.answered)

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return len(self.answered) / self.seconds


Look = Callable[[Request, Reply], int | None]


def look_at_nothing(request: Request, reply: Reply) -> int | None:
    return None


Asked = tuple[Request, float, float]
"""What was due when, and was sent when."""


class _Load:
    """What both loops share: requests on their way. Answers are kept as they came, and read when the load is over."""

    def __init__(self, wire: Wire, look: Look) -> None:
        self.wire, self.look = wire, look
        self.began = wire.now()
        self.cost = time.thread_time()
        self.idle: list[int] = []
        self.busy: dict[int, Asked] = {}
        self.parts: dict[int, bytes] = {}
        self.ended: list[tuple[Asked, float, bytes]] = []
        self.next_check = self.began

    def send(self, request: Request, due: float, now: float) -> None:
        connection = self.idle.pop() if self.idle else self.wire.open()
        self.busy[connection] = (request, due, now)
        if not self.wire.send(connection, request.data):
            self._give_up(connection, now)

    def take(self, until: float) -> float:
        """Takes what comes, up to then or to the first thing; the moment at which it came.

        Whoever is woken up a hundred times a second has nothing in the processor's caches: each line costs. So the
        clock is read once for all that came together, and what is due at that moment is sent at it.
        """
        come = self.wire.poll(until)
        now = self.wire.now()
        for connection, data in come:
            heard = self.parts.pop(connection) + data if self.parts and connection in self.parts else data
            try:
                if connection not in self.busy:
                    self.idle.remove(connection)  # The server has closed it, as nobody asked for long.
                    self.wire.close(connection)
                elif is_whole(heard) and data:
                    self.ended.append((self.busy.pop(connection), now, heard))
                    self.idle.append(connection)
                elif data:
                    self.parts[connection] = heard
                else:
                    self._give_up(connection, now)
            except ValueError:  # It isn't HTTP.
                self._give_up(connection, now)
        if now > self.next_check:
            self.next_check = now + CHECK_S
            for connection in [number for number, (_, _, sent) in self.busy.items() if now > sent + TIMEOUT_S]:
                self._give_up(connection, now)
        return now

    def _give_up(self, connection: int, now: float) -> None:
        self.parts.pop(connection, None)
        self.ended.append((self.busy.pop(connection), now, b""))
        self.wire.close(connection)

    def close(self, seconds: float) -> Run:
        """Waits for what is still on its way."""
        while self.busy:
            self.take(min(sent for _, _, sent in self.busy.values()) + TIMEOUT_S + 2 * CHECK_S)
        for connection in self.idle:
            self.wire.close(connection)
        cost_s = time.thread_time() - self.cost
        return Run([self._sample(*each) for each in self.ended], seconds, cost_s, self.began)

    def _sample(self, asked: Asked, done: float, heard: bytes) -> Sample:
        request, due, sent = asked
        due_s, sent_s, done_s = (moment - self.began for moment in (due, sent, done))
        if not heard:
            return Sample(request.kind, request.book, due_s, sent_s, done_s, NO_ANSWER)
        reply = read_reply(heard)
        shown = self.look(request, reply)
        found = (reply.status, reply.cache, reply.replica, shown)
        return Sample(request.kind, request.book, due_s, sent_s, done_s, *found)


def open_loop(
    wire: Wire,
    requests: Iterator[Request],
    *,
    rate: float,
    seconds: float,
    look: Look = look_at_nothing,
) -> Run:
    """So many requests a second, one every 1/rate s, whatever becomes of them."""
    load = _Load(wire, look)
    number, total, due, now = 0, round(rate * seconds), load.began, load.began
    while number < total:
        if len(load.busy) >= CONNECTIONS:
            now = load.take(now + WAIT_S)
        elif due > now:
            now = load.take(due)
        else:
            load.send(next(requests), due, now)
            number += 1
            due = load.began + number / rate
    return load.close(seconds)


def closed_loop(
    wire: Wire,
    requests: Iterator[Request],
    *,
    clients: int,
    seconds: float = float("inf"),
    most: float = float("inf"),
    think_s: float = 0.0,
    seed: int = 1,
    look: Look = look_at_nothing,
) -> Run:
    """So many customers, each with one request at a time; for so long, or until so many were sent.

    Between answer and next request each thinks for an exponentially distributed time with this mean.
    """
    load, chance = _Load(wire, look), random.Random(seed)

    def pause() -> float:
        return chance.expovariate(1 / think_s) if think_s else 0.0

    due = [load.began + pause() for _ in range(clients)]
    heapq.heapify(due)
    end, sent, seen, now = load.began + seconds, 0, 0, load.began
    while now < end and (sent < most or load.busy):
        while due and due[0] <= now and sent < most:
            load.send(next(requests), heapq.heappop(due), now)
            sent += 1
        until = min(end, due[0] if due and sent < most else end, now + TIMEOUT_S) if load.busy or due else now
        now = load.take(until)
        for _ in range(len(load.ended) - seen):
            heapq.heappush(due, now + pause())
        seen = len(load.ended)
    return load.close(min(seconds, now - load.began))
