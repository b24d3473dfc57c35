"""Group commit: the changes of a process that wait for the writer lock are made together by whoever has it.

One of those that wait leads. It stands in line for the lock, as a writer alone does, and takes all that wait by then:
one commit of each file, one invalidation and one floor for all of them. The next of the waiting leads from then on,
and stands in line meanwhile. A change that finds nobody waiting leads at once: alone it waits for nobody. Changes
that come together, from one caller, stand in the queue together.
Source: DeWitt et al., Implementation Techniques for Main Memory Database Systems (1984).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

from bookstore_project.replication import metrics
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.writing.member import Member

MOST_MEMBERS = 32
"""Of a group. Those who lead others wait for all of them: so many sales take about as long as a slow disk's sync."""

L = TypeVar("L")
Locked = Callable[[float], AbstractContextManager[L]]
"""Holds the service's writer lock. Raises Unavailable if it isn't had in so many seconds."""
Perform = Callable[[L, Sequence[Member[Any]]], None]
"""Has the members' changes made under the held lock; each of them knows its outcome then."""


class _Gate:
    """It opens once. An Event would do, in ten times the time: it can close again, and is made of three locks."""

    def __init__(self) -> None:
        self._closed = threading.Lock()
        self._closed.acquire()
        self._opening = threading.Lock()

    def open(self) -> None:
        if self._opening.acquire(blocking=False):
            self._closed.release()

    def wait(self, timeout_s: float = -1) -> None:
        """Until it is open, or so long. One waits at a time."""
        if self._closed.acquire(timeout=timeout_s):
            self._closed.release()


class _Place:
    """A member in the queue, and its caller, who waits there."""

    def __init__(self, member: Member[Any]) -> None:
        self.member = member
        self.is_leader = False
        self._woken = _Gate()
        self._done = _Gate()

    def wait(self, timeout_s: float) -> None:
        """Until it leads, or is done, or so long."""
        self._woken.wait(timeout_s)

    def wait_until_done(self) -> None:
        self._done.wait()

    def lead(self) -> None:
        self.is_leader = True
        self._woken.open()

    def finish(self) -> None:
        self._done.open()
        self._woken.open()


class Queue:
    """Changes of this process that wait for a service's writer lock; the first of them leads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[_Place] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, members: Sequence[Member[Any]]) -> list[_Place]:
        """Places for all of them, one after the other."""
        places = [_Place(member) for member in members]
        with self._guard:
            self._waiting.extend(places)
            self._hand_over()
        return places

    def take(self) -> list[_Place]:
        """All that wait, as the leader, who has the lock; who comes now waits for the next one."""
        with self._guard:
            taken = [self._waiting.popleft() for _ in range(min(MOST_MEMBERS, len(self._waiting)))]
            self._hand_over()
        return taken

    def leave(self, place: _Place) -> bool:
        """Gives up waiting; whether it was early enough: nobody has begun with it."""
        with self._guard:
            if place not in self._waiting:
                return False
            self._waiting.remove(place)
            self._hand_over()
            return True

    def _hand_over(self) -> None:
        if self._waiting and not self._waiting[0].is_leader:
            self._waiting[0].lead()


_queues: dict[str, Queue] = {}
_making = threading.Lock()


def queue_of(service: Service) -> Queue:
    with _making:
        return _queues.setdefault(service.name, Queue())


def write(
    service: Service, members: Sequence[Member[Any]], locked: Locked[L], perform: Perform[L], timeout_s: float
) -> None:
    """Has the members' changes made, with others or alone; `perform` gives each of them its outcome.

    Unavailable is the outcome of those for which neither this thread nor the one that leads has had the lock in time:
    nothing was changed.
    """
    until = time.monotonic() + timeout_s
    queue = queue_of(service)
    places = queue.join(members)
    try:
        for place in places:
            _see_to(service, place, locked, perform, until)
    finally:
        for place in places:  # A place that nobody sees to, after a defect, would stop the queue.
            queue.leave(place)


def _see_to(service: Service, place: _Place, locked: Locked[L], perform: Perform[L], until: float) -> None:
    place.wait(_left_s(until))
    if place.is_leader:
        try:
            _lead(service, place, partial(locked, _left_s(until)), perform)
        except Unavailable as error:
            place.member.has_failed(error)
    elif queue_of(service).leave(place):
        late = Unavailable("Another writer holds the lock for too long; nothing was changed.")
        place.member.has_failed(late)
    else:
        place.wait_until_done()


def _lead(
    service: Service, place: _Place, locked: Callable[[], AbstractContextManager[L]], perform: Perform[L]
) -> None:
    queue, taken = queue_of(service), list[_Place]()
    try:
        with locked() as lock:
            reached("group-locked")
            taken = queue.take()
            now = time.monotonic()
            for each in taken:
                metrics.of(metrics.lock_wait, service.name).observe(now - each.member.began)
            metrics.of(metrics.group_size, service.name).observe(len(taken))
            perform(lock, [each.member for each in taken])
    except BaseException as error:
        queue.leave(place)
        for each in taken:
            if each is not place:
                each.member.has_failed(OutcomeUnknown(f"The writer that had it in hand failed: {error}"))
        raise
    finally:
        for each in taken:
            each.finish()


def _left_s(until: float) -> float:
    return max(0.0, until - time.monotonic())
