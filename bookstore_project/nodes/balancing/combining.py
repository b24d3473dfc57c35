"""Requests that wait for the same node are sent together: what several threads ask for costs one call.

The first thread that asks calls at once. Those that ask meanwhile wait for its answer to come, and go together then,
in the call of one of them. If that answer takes longer than PATIENCE_S, nobody waits for it any more: a node that
hangs delays those that it was asked by, and not those behind them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import Histogram

from bookstore_project.api import headers
from bookstore_project.api.request_id import current_request_id
from bookstore_project.nodes.balancing.checks import Call, CallAll
from bookstore_project.nodes.batches import LARGEST_BYTES, Part
from bookstore_project.nodes.client import CallFailed, NeverSent, NoAnswer, Reply
from bookstore_project.settings.topology import Node

PATIENCE_S = 0.1
MOST_TOGETHER = 32
"""As many as the other side commits at once."""
ALIKE_S = 0.5
"""Requests go together whose time limits differ by no more: the call has one of them."""

_sizes = Histogram(
    "bookstore_batch_requests", "Requests that went to another node together.", buckets=(1, 2, 4, 8, 16, 32)
)


@dataclass(eq=False)
class _Waiting:
    """A request, and the thread that waits for its answer."""

    part: Part
    until: float
    """Of the monotonic clock."""
    may_go: threading.Event = field(default_factory=threading.Event)
    """Nothing is under way any more, or it has gone with another one."""
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Reply | CallFailed | None = None

    def finish(self, outcome: Reply | CallFailed) -> None:
        self.outcome = outcome
        self.done.set()


class Combiner:
    """A `Call` that sends POSTs to one route of a node together, as `call_all` does; all else goes to `call`."""

    def __init__(self, path: str, call: Call, call_all: CallAll, most_calls: int) -> None:
        self._path, self._call, self._call_all = path, call, call_all
        self._most_calls = most_calls
        self._queues: dict[str, _Queue] = {}

    def __call__(
        self,
        node: Node,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout_s: float,
        deadline: float | None = None,
        **options: object,
    ) -> Reply:
        if (method, path) != ("POST", self._path) or deadline is None or body is None:
            sent = {"body": body, "extra_headers": extra_headers, **options}
            return self._call(node, method, path, timeout_s=timeout_s, deadline=deadline, **sent)
        own = {headers.REQUEST_ID: current_request_id() or "-", **(extra_headers or {})}
        queue = self._queues.setdefault(node.name, _Queue(self._most_calls))
        request = _Waiting(Part(body, own, deadline), time.monotonic() + timeout_s)

        def send(parts: list[Part]) -> list[Reply]:
            _sizes.observe(len(parts))
            left_s = max(0.0, request.until - time.monotonic())
            return list(self._call_all(node, path, parts, timeout_s=left_s, deadline=deadline))

        return queue.ask(request, send)


class _Queue:
    """Requests to one node, with so many calls under way at most: a node that hangs takes none of another's."""

    def __init__(self, most_calls: int) -> None:
        self._slots = threading.BoundedSemaphore(most_calls)
        self._guard = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._under_way = 0

    def ask(self, request: _Waiting, send: Callable[[list[Part]], list[Reply]]) -> Reply:
        """Raises NeverSent, NoAnswer."""
        with self._guard:
            self._waiting.append(request)
            if not self._under_way:
                request.may_go.set()
        request.may_go.wait(min(PATIENCE_S, _left_s(request)))
        if request in self._waiting and self._slots.acquire(timeout=_left_s(request)):
            try:
                self._send(self._take(request), send)
            finally:
                self._slots.release()
        request.done.wait(_left_s(request))
        if self._leave(request):
            raise NeverSent("Too many calls are under way.")
        if request.outcome is None:
            raise NoAnswer("The node that was asked did not answer in time.")
        if isinstance(request.outcome, CallFailed):
            raise request.outcome
        return request.outcome

    def _leave(self, request: _Waiting) -> bool:
        """Gives up; whether it was early enough: nobody has sent it."""
        with self._guard:
            if request not in self._waiting:
                return False
            self._waiting.remove(request)
            return True

    def _take(self, leader: _Waiting) -> list[_Waiting]:
        """What goes with this one's call; nothing if it has gone with another's."""
        with self._guard:
            if leader not in self._waiting:
                return []
            self._waiting.remove(leader)
            taken, left, size = [leader], deque[_Waiting](), len(leader.part.body)
            for other in self._waiting:
                size += len(other.part.body)
                is_alike = abs(other.until - leader.until) <= ALIKE_S
                goes = is_alike and len(taken) < MOST_TOGETHER and size <= LARGEST_BYTES
                (taken if goes else left).append(other)
            self._waiting = left
            self._under_way += 1
            for each in taken:
                each.may_go.set()
            return taken

    def _send(self, taken: list[_Waiting], send: Callable[[list[Part]], list[Reply]]) -> None:
        if not taken:
            return
        outcomes: Sequence[Reply | CallFailed] = [NoAnswer("The call broke off.") for _ in taken]
        try:
            outcomes = send([each.part for each in taken])
        except CallFailed as error:
            outcomes = [type(error)(str(error)) for _ in taken]
        finally:
            for each, outcome in zip(taken, outcomes, strict=True):
                each.finish(outcome)
            with self._guard:
                self._under_way -= 1
                if self._waiting:
                    self._waiting[0].may_go.set()


def _left_s(request: _Waiting) -> float:
    return max(0.0, request.until - time.monotonic())
