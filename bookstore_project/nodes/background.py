"""Work beside the requests of a node: threads that start when it begins to serve, and never before."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from bookstore_project.api.request_id import begin_own

logger = logging.getLogger("bookstore.background")


@dataclass(frozen=True)
class Task:
    """`step` is called every `interval_s` seconds, in a thread of its own; an error is logged, and it goes on."""

    name: str
    step: Callable[[], float | None]
    """May give back how many seconds it is this time until the next call."""
    interval_s: float
    is_at_once: bool = False
    """Whether the first call comes at once, and not after the interval."""
    wake: threading.Event | None = None
    """Set by others when the next call is to come sooner than `step` has said: after `interval_s` from then."""


_tasks: dict[str, list[Task]] = defaultdict(list)
_stop = threading.Event()


def register(service: str, task: Task) -> None:
    """To be started on every node of the service."""
    if task not in _tasks[service]:
        _tasks[service].append(task)


def start_all(service: str) -> list[threading.Thread]:
    """Starts the tasks of a service; called once, by the process that answers requests."""
    return [start(task) for task in _tasks[service]]


def start(task: Task, stop: threading.Event = _stop) -> threading.Thread:
    """Starts one task, which ends after the event is set."""
    thread = threading.Thread(target=_run, args=(task, stop), name=task.name, daemon=True)
    thread.start()
    return thread


def _run(task: Task, stop: threading.Event) -> None:
    from django.db import connections

    said = ""
    wait_s = 0.0 if task.is_at_once else task.interval_s
    while not _wait(task, stop, wait_s):
        begin_own(task.name)  # Ties the lines that a round causes, here and at other nodes.
        wait_s = task.interval_s
        try:
            if (told_s := task.step()) is not None:
                wait_s = told_s
            said = ""
        except Exception as error:  # The next round may find what was missing.
            if str(error) != said:  # Once, however many rounds it lasts.
                logger.warning("%s: %s", task.name, error)
            said = str(error)
            connections.close_all()


def _wait(task: Task, stop: threading.Event, wait_s: float) -> bool:
    """Whether it is over."""
    if task.wake is None:
        return stop.wait(wait_s)
    if task.wake.wait(wait_s):
        task.wake.clear()
        return stop.wait(task.interval_s)
    return stop.is_set()
