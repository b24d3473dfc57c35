"""Set pushes: new answers sent to the fronts, so that the next reader finds them. Nobody waits for them.

Only the newest answer of a key is worth sending, and only to a front that kept the older one (`unwanted`). What is
queued within a moment is sent together, and a book that sells many copies in it is sent once. What is lost, or
dropped because the fronts can't keep up, costs a miss.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Holder, Lease
from bookstore_project.replication.invalidation import listening, pushes, unwanted
from bookstore_project.replication.invalidation.messages import PushMessage
from bookstore_project.replication.service import get_service, service_of_app

logger = logging.getLogger("bookstore.replication")

GATHER_S = 0.005
MOST_KEYS = 200


@dataclass(frozen=True)
class SetPush:
    """The answer of a key as of a position; `make` gives its bytes as text, when there is a front to send it to."""

    timeline: str
    position: int
    make: Callable[[], str]
    request_id: str = ""
    """Of the request that made it, for the log."""


_waiting: dict[str, SetPush] = {}
_guard = threading.Condition()


def enqueue(key: str, newest: SetPush) -> None:
    """Has it sent to every front that listens and wants it, in place of an older one that still waits."""
    if not listening.may_want(key, newest.timeline, newest.position):
        return
    _start()
    with _guard:
        older = _waiting.get(key)
        if older is None and len(_waiting) >= MOST_KEYS:
            return
        # Two writers may come here in another order than they had the lock.
        if older is None or older.timeline != newest.timeline or older.position < newest.position:
            _waiting[key] = newest
            _guard.notify()


@cache
def _start() -> threading.Thread:
    thread = threading.Thread(target=_send_forever, name="set-pushes", daemon=True)
    thread.start()
    return thread


def _send_forever() -> None:
    while True:
        with _guard:
            _guard.wait_for(lambda: _waiting)
        time.sleep(GATHER_S)
        with _guard:
            waiting = dict(_waiting)
            _waiting.clear()
        reached("set")
        try:
            _send(waiting)
        except Exception:  # It costs misses; a thread that ended over it would cost them for good.
            logger.exception("New answers couldn't be sent to the fronts")


def _send(waiting: dict[str, SetPush]) -> None:
    texts = {key: cache(answer.make) for key, answer in waiting.items()}
    for front in _listeners():
        for timeline, wanted in _by_timeline(front, waiting).items():
            message: PushMessage = {
                "timeline": timeline,
                "invalidate": [],
                "set": [(answer.position, key, texts[key]()) for key, answer in wanted.items()],
                "requests": [answer.request_id for answer in wanted.values()],
                "replica": replication_settings.node,
            }
            pushes.push(front, message)


def _by_timeline(front: Lease, waiting: dict[str, SetPush]) -> dict[str, dict[str, SetPush]]:
    """What this process of a front is to be sent."""
    found: dict[str, dict[str, SetPush]] = defaultdict(dict)
    for key, answer in waiting.items():
        if not unwanted.is_unwanted(front.holder, key, answer.timeline, answer.position):
            found[answer.timeline][key] = answer
    return found


def _listeners() -> list[Lease]:
    """Of all services of which fronts keep something; each once."""
    labels = {resource.model.partition(".")[0] for resource in replication_settings.cached_resources}
    names = {name for label in labels if (name := service_of_app(label)) is not None}
    found: dict[Holder, Lease] = {}
    for name in sorted(names):
        found.update({lease.holder: lease for lease in engine.listeners(get_service(name), pushes)})
    return list(found.values())
