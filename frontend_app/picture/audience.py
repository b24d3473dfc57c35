"""Who watches the picture, and what they are told: one reader of the feed, and a bounded queue for each of them.

Messages are those of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). All of it
is for the event loop alone. Whatever somebody doesn't take in time is left out, counted, and told: nobody else waits.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bookstore_project.clock import Clock
from frontend_app.monitoring.feed import Answered, Feed, Happened, Invalidated, Item
from frontend_app.picture.looks import Looks, looks, out_of_sync
from frontend_app.picture.processes import Processes
from frontend_app.picture.steps import way_of
from frontend_app.runtime import Front

logger = logging.getLogger("bookstore.front")

MOST = 32
"""Who may watch at once. Each costs a connection and what one write costs, a few times a second."""
TELL_EVERY_S, LOOK_EVERY_S = 0.1, 0.5
DRAWN_PER_S = 20
"""Requests that are told of, at most, in a second; of more, some, and how many there were."""
CROWD_PER_S, CROWD_EVERY_S = 3, 1.0
"""Of more requests in a second it is told so often: each piece costs a browser as much as what is told in it."""
HEARTBEAT_S = 5.0
"""After so long without anything to say, an empty line: proxies close what is silent."""
QUEUED = 60
"""Messages that wait for a listener."""
KEPT = 100
"""Of what happened to nodes, for those who come back after they lost their connection."""
LINGER_S = 15.0
"""For so long after the last listener left, it is noted for one who comes back."""
CAUSES = 200
"""Pushes, of which the request that caused them may not be answered yet."""
CHECKED_EVERY_S = 1.0


class Full(Exception):
    """As many watch as may."""


def message(event: str, data: Mapping[str, Any], identity: str = "") -> bytes:
    """One server-sent event. JSON has no line breaks, which would end it."""
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@dataclass(eq=False)
class Listener:
    """What waits for one of them."""

    waiting: deque[bytes] = field(default_factory=deque)
    dropped: int = 0
    """Since it was told of the last ones."""
    is_behind: bool = False
    """It was not told of all changes of the looks: it needs all of them anew."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, told: bytes, *, is_look: bool = False) -> None:
        if len(self.waiting) >= QUEUED:
            self.dropped += 1
            self.is_behind = self.is_behind or is_look
        else:
            self.waiting.append(told)
        self.news.set()

    def take(self) -> bytes:
        """All that waits, as one piece."""
        self.news.clear()
        told = b"".join(self.waiting)
        self.waiting.clear()
        if self.dropped:
            told += message("dropped", {"count": self.dropped})
            self.dropped = 0
        return told


class Audience:
    """Everybody who watches this front. While nobody does, nothing of it runs."""

    def __init__(
        self,
        front: Front,
        *,
        clock: Clock = time.monotonic,
        most: int = MOST,
        look: Callable[[Front], Looks] = looks,
    ) -> None:
        self._front = front
        self._feed: Feed = front.journal.feed
        self._clock = clock
        self._most = most
        self._look = look
        self._listeners: set[Listener] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._left_at = 0.0
        self._looks: Looks = {}
        self._lease: tuple[float, float] = (0.0, 0.0)
        self._number = 0
        self._happened: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._causes: OrderedDict[str, Invalidated] = OrderedDict()
        self._budget = DRAWN_PER_S / 2
        self._seen = self._drawn = 0
        self._is_quiet = True
        self._is_crowd = False
        self._held: list[bytes] = []
        self._told_at = float("-inf")
        self._checked_at = float("-inf")
        self._processes = Processes(self._ended)
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    # ------------------------------------------------------------------------------------- coming and going

    async def join(self, last_id: str = "") -> Listener:
        """Somebody who will be told of everything from now on, and of what happened after that id. Raises Full."""
        if self.is_closed or len(self._listeners) >= self._most:
            raise Full
        listener = Listener()
        self._listeners.add(listener)
        if not self._tasks:
            self._feed.take()
            self._feed.is_wanted = True
            self._tasks = [asyncio.create_task(each) for each in (self._tell_always(), self._look_always())]
        try:
            if not self._looks:
                await self._look_now()
        except BaseException:
            self.leave(listener)
            raise
        listener.put(
            message("hello", {"drawn_per_s": DRAWN_PER_S, "looks": self._looks, "lease": self._lease_told()})
        )
        missed, told = self._since(last_id)
        for each in told:
            listener.put(each)
        if missed:
            listener.put(message("missed", {}))
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._left_at = self._clock()

    def close(self) -> None:
        """The front stops: all streams end, and none begins. From any thread, and from signal handlers."""
        self.is_closed = True
        for task in self._tasks:
            task.get_loop().call_soon_threadsafe(self._end)
            return

    def _end(self) -> None:
        for listener in self._listeners:
            listener.news.set()
        for task in self._tasks:
            task.cancel()
        self._rest()

    def _rest(self) -> None:
        """Until somebody comes: nothing is noted."""
        self._tasks = []
        self._feed.is_wanted = False
        self._feed.take()
        self._looks = {}
        self._held = []
        self._happened.clear()
        self._causes.clear()
        self._processes.close()

    def _since(self, last_id: str) -> tuple[bool, list[bytes]]:
        """Whether something is missing that came after that id, and what is there of it."""
        instance, _, number = last_id.rpartition("-")
        if not last_id:
            return False, []
        if instance != self._instance or not number.isdecimal() or len(number) > 15:
            return True, []
        known = [(at, told) for at, told in self._happened if at > int(number)]
        return False, [told for _, told in known]

    @property
    def _instance(self) -> str:
        """Of the front's process, without the part by which its machine knows it."""
        return self._front.coherence.instance.partition(".")[0]

    # ----------------------------------------------------------------------------------------------- telling

    async def _tell_always(self) -> None:
        heard_at = self._clock()
        while self._listeners or self._clock() < self._left_at + LINGER_S:
            await asyncio.sleep(TELL_EVERY_S)
            try:
                if self._tell():
                    heard_at = self._clock()
                elif self._clock() >= heard_at + HEARTBEAT_S:
                    heard_at = self._clock()
                    self._put_to_all([b": nothing\n\n"])
            except Exception:
                logger.exception("What happens can't be told to those who watch.")
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._rest()

    def _tell(self) -> bool:
        """What happened since the last time; whether there was anything to say."""
        items, answered = self._feed.take()
        self._seen += answered
        told = list(self._messages(items))
        lease = self._front.coherence.lease_until, self._front.coherence.lease_s
        if lease != self._lease:
            self._lease = lease
            told.append(message("lease", self._lease_told()))
        now = self._clock()
        if now >= self._checked_at + CHECKED_EVERY_S:
            self._checked_at = now
            self._watch_replicas()
            if self._seen or not self._is_quiet:  # Once more, when there are none any more.
                told.append(message("rate", {"answered": self._seen, "drawn": self._drawn}))
            self._is_quiet, self._is_crowd = not self._seen, self._seen > CROWD_PER_S
            self._seen = self._drawn = 0
        self._held += told
        is_urgent = any(isinstance(item, Happened) for item in items)
        if self._is_crowd and not is_urgent and now < self._told_at + CROWD_EVERY_S:
            return bool(told)
        self._told_at = now
        self._put_to_all(self._held)
        self._held = []
        return bool(told)

    def _put_to_all(self, told: Iterable[bytes]) -> None:
        joined = b"".join(told)
        if joined:
            for listener in self._listeners:
                listener.put(joined)

    def _messages(self, items: Iterable[Item]) -> Iterator[bytes]:
        """In order, but for the requests, of which there may be too many: those come last."""
        answered: list[Answered] = []
        for item in items:
            if isinstance(item, Answered):
                answered.append(item)
            elif isinstance(item, Invalidated):
                self._remember_cause(item)
                yield message("invalidated", {"position": item.position, "kinds": item.kinds, "from": item.replica})
            else:
                yield self._happening(item)
        out = out_of_sync(self._front) if answered else frozenset()
        for each in self._chosen(answered):
            way = way_of(each, self._causes.get(each.request_id), out)
            steps = [step.told() for step in way.steps]
            told = {"kind": way.kind, "method": each.method, "route": each.route, "status": each.status}
            yield message("answered", {**told, "took_ms": round(each.took_ms, 2), "steps": steps, "for": each.count})

    def _happening(self, item: Happened) -> bytes:
        self._number += 1
        told = {"kind": item.kind, "node": item.node, "text": item.text}
        made = message("happened", told, f"{self._instance}-{self._number}")
        self._happened.append((self._number, made))
        return made

    def _remember_cause(self, push: Invalidated) -> None:
        self._causes[push.request_id] = push
        if len(self._causes) > CAUSES:
            self._causes.popitem(last=False)

    def _chosen(self, answered: list[Answered]) -> list[Answered]:
        """As many as may be drawn: what is rare before hits, and of each the last ones."""
        self._budget = min(self._budget + DRAWN_PER_S * TELL_EVERY_S, DRAWN_PER_S / 2)
        most = int(self._budget)
        chosen = sorted(answered, key=lambda each: each.cache == "hit")[:most] if len(answered) > most else answered
        self._budget -= len(chosen)
        self._drawn += len(chosen)
        return chosen

    def _lease_told(self) -> dict[str, float]:
        coherence = self._front.coherence
        left_s = coherence.lease_until - coherence.clock()
        return {"left_s": round(min(max(left_s, 0.0), coherence.lease_s), 3), "of_s": coherence.lease_s}

    # ---------------------------------------------------------------------------------------------- watching

    def _watch_replicas(self) -> None:
        for checker in self._front.checkers:
            checker.watch()
        known = {checker.node.name: checker.status.get("pid") for checker in self._front.checkers}
        self._processes.watch({name: pid for name, pid in known.items() if isinstance(pid, int)})

    def _ended(self, name: str, pid: int) -> None:
        """The kernel tells it before anybody notices."""
        self._feed.put(Happened("ended", name, f"process {pid} has ended"))

    async def _look_always(self) -> None:
        while True:
            await asyncio.sleep(CROWD_EVERY_S if self._is_crowd else LOOK_EVERY_S)
            try:
                await self._look_now()
            except Exception:
                logger.exception("The looks of the picture can't be made.")

    async def _look_now(self) -> None:
        """In a thread: drained replicas are marks on a disk, which may be slow."""
        before, self._looks = self._looks, await asyncio.to_thread(self._look, self._front)
        changed = {name: look for name, look in self._looks.items() if before.get(name) != look}
        told = message("looks", changed) if before and changed else b""
        for listener in self._listeners:
            if listener.is_behind and not listener.waiting:
                listener.is_behind = False
                listener.put(message("looks", self._looks), is_look=True)
            elif told:
                listener.put(told, is_look=True)
