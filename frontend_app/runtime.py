"""The parts of a front, put together: one set per process."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from django.conf import settings
from django.core.cache import caches

from bookstore_project.api import health, problems
from bookstore_project.nodes import background, client, processes
from bookstore_project.nodes.background import Task
from bookstore_project.nodes.balancing.balancer import Balancer
from bookstore_project.nodes.balancing.checks import Call, CallAll, Checker
from bookstore_project.nodes.balancing.circuit_breaker import ReplicaBreakers
from bookstore_project.nodes.balancing.combining import Combiner
from bookstore_project.nodes.balancing.round_robin import RoundRobin
from bookstore_project.nodes.drains import Drains
from bookstore_project.replication.conf import replication_settings
from bookstore_project.settings import modes, topology
from bookstore_project.settings.topology import Node
from frontend_app.cache.coherence import Cache, Coherence
from frontend_app.cache.lru import LRUCache
from frontend_app.cache.modes import CLASSES
from frontend_app.cache.poller import POLL_AFTER, Poller
from frontend_app.cache.reads import CachedReads
from frontend_app.cache.shared.cache import SharedCache
from frontend_app.clients import PURCHASES, Upstream
from frontend_app.monitoring.journal import Journal
from frontend_app.monitoring.observer import Observer
from frontend_app.monitoring.supervisor_states import ASK_EVERY_S, SupervisorStates

NEGATIVE_ENTRIES, NEGATIVE_BYTES = 1000, 4 * 1024 * 1024
FIRST_LEASE_WITHIN = 2
"""So many leases' time a front waits for its first one, once its replicas answer, before it is ready without."""


@dataclass
class Front:
    """Everything that a front keeps between requests."""

    node: Node
    catalog: Upstream
    order: Upstream
    reads: CachedReads
    breakers: ReplicaBreakers
    drains: Drains
    checkers: list[Checker]
    poller: Poller
    journal: Journal
    supervisor_states: SupervisorStates = field(default_factory=SupervisorStates)
    burst_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while a rush of customers is under way."""
    lease_awaited_until: float | None = None
    """By the clock of the leases; None before a replica of each service has answered."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def coherence(self) -> Coherence:
        return self.reads.coherence

    def check_ready(self) -> None:
        """Raises Unavailable unless a replica of each service is known to answer, or if this front is drained.

        And for a while at the beginning, before it has had a lease: from then on it answers from its cache.
        """
        if mark := self.drains.reason(self.node):
            raise problems.Unavailable(mark)
        for upstream in (self.catalog, self.order):
            known = [self.breakers.of(node) for node in upstream.nodes]
            if not any(node.is_closed and node.seen_at is not None for node in known):
                raise problems.Unavailable(f"No {upstream.service} replica answers yet.")
        if self._awaits_first_lease():
            raise problems.Unavailable("This front has no lease for its cache yet.")

    def _awaits_first_lease(self) -> bool:
        now = self.coherence.clock()
        if self.coherence.mode != modes.FULL or self.coherence.view("").is_leased:
            self.lease_awaited_until = now
        elif self.lease_awaited_until is None:
            self.lease_awaited_until = now + FIRST_LEASE_WITHIN * self.coherence.lease_s
        return now < self.lease_awaited_until

    def start(self) -> None:
        """Starts polling and checking in the background, once. Not before forking: threads don't survive it."""
        with self._lock:
            if self._threads:
                return
            self.coherence.instance = processes.instance(self.coherence.instance)
            self._threads = [background.start(task, self._stop) for task in self._tasks()]
        health.register_readiness(self.check_ready)

    def _tasks(self) -> Iterator[Task]:
        for checker in self.checkers:
            yield checker.task()
        yield Task("supervisor_states", self.supervisor_states.look, ASK_EVERY_S, is_at_once=True)
        if self.coherence.mode == modes.FULL:  # In the others there is no lease to ask for.
            yield Task("poll", self.poller.step, self.coherence.lease_s * POLL_AFTER, is_at_once=True)

    def stop(self) -> None:
        self._stop.set()
        for checker in self.checkers:
            self.breakers.wake_of(checker.node).set()
        if isinstance(self.reads.cache, SharedCache):
            self.reads.cache.close()


def build(
    node: Node | None = None,
    call: Call = client.call,
    cache: Cache | None = None,
    call_all: CallAll | None = None,
) -> Front:
    """A front of that name (the first one by default), calling others with `call`, and together with `call_all`."""
    node = node or topology.NODE or topology.replicas(topology.FRONT)[0]
    catalogs, orders = topology.replicas(topology.CATALOG), topology.replicas(topology.ORDER)
    journal = Journal()
    known = ReplicaBreakers([*catalogs, *orders], on_change=journal.rotation_changed)
    cache = _bounded(_default_cache() if cache is None else cache)  # An empty cache is false.
    if isinstance(cache, SharedCache):
        cache.on_change = partial(journal.shared_cache_changed, node)
    drains = Drains(on_change=journal.drain_changed)
    negatives = _negatives()
    calls = {topology.CATALOG: call, topology.ORDER: call}
    if call_all is not None:
        most = topology.PURCHASE_CALLS_OF_A_FRONT // 2  # To each of the two.
        calls[topology.ORDER] = Combiner(PURCHASES, call, call_all, most)

    def upstream(service: str) -> Upstream:
        turns = RoundRobin(topology.replicas(service), known, drains.is_drained)
        return Upstream(Balancer(service, turns, known, call=calls[service]))

    checkers = [Checker(replica, known, call, asks_status=True) for replica in (*catalogs, *orders)]
    observer = Observer(checkers, journal)
    for checker in checkers:
        checker.on_status = observer.look
    coherence = CLASSES[replication_settings.coherence]([cache, negatives], lease_s=replication_settings.lease_s)
    return Front(
        node=node,
        catalog=upstream(topology.CATALOG),
        order=upstream(topology.ORDER),
        reads=CachedReads(coherence, cache, negatives),
        breakers=known,
        drains=drains,
        checkers=checkers,
        poller=Poller(node, catalogs, coherence, call),
        journal=journal,
    )


def _negatives() -> LRUCache:
    """For answers that there is no such thing."""
    most = {"MAX_ENTRIES": NEGATIVE_ENTRIES, "MAX_BYTES": NEGATIVE_BYTES}
    return LRUCache(f"negatives-{uuid.uuid4().hex}", {"TIMEOUT": settings.CACHE_TIMEOUT_S, "OPTIONS": most})


def _default_cache() -> Cache:
    # Any of Django's caches will do. `caches` makes one object per thread; this one serves all threads, which
    # both the LRU and the Redis backend allow.
    return cast("Cache", caches["default"])


def _bounded(cache: Cache) -> Cache:
    """A cache that neither a request nor the event loop can be held up by."""
    if isinstance(cache, LRUCache | SharedCache):
        return cache
    return SharedCache(cache, secret=settings.SECRET_KEY, wait_s=settings.CACHE_WAIT_S)


_front: Front | None = None
_front_lock = threading.Lock()


def front() -> Front:
    """This process's front, put together at the first call."""
    global _front  # noqa: PLW0603 - the one per process
    if _front is None:
        with _front_lock:
            if _front is None:
                _front = build(call_all=client.call_all)
    return _front


@contextmanager
def serving(other: Front) -> Iterator[Front]:
    """Makes `other` the process's front for the block: how tests put theirs in."""
    global _front  # noqa: PLW0603 - the same
    before, _front = _front, other
    try:
        yield other
    finally:
        _front = before


def is_front() -> bool:
    """Whether this process is a front by its node's name."""
    return topology.NODE is not None and topology.NODE.service == topology.FRONT


def start() -> None:
    """Starts this process's front: at the beginning of serving, in the process that serves."""
    front().start()
