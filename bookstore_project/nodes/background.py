"""Work beside the requests of a node: threads that start when it begins to serve, and never before."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bookstore_project.api.request_id import begin_own

logger = logging.getLogger("bookstore.background")


@dataclass(frozen=True)
class Task:
    """`step` is called every `interval_s` seconds, in a thread of its own; an error is logged, and it goes on."""

    name: str
    service: str
    interval_s: float
    step: Callable[[], None]


_tasks: list[Task] = []
_stop = threading.Event()


def register(task: Task) -> None:
    """To be started on every node of the task's service."""
    if task not in _tasks:
        _tasks.append(task)


def start(service: str) -> list[threading.Thread]:
    """Starts the tasks of a service; called once, by the process that answers requests."""
    threads = [
        threading.Thread(target=_run, args=(task,), name=task.name, daemon=True)
        for task in _tasks
        if task.service == service
    ]
    for thread in threads:
        thread.start()
    return threads


def _run(task: Task) -> None:
    from django.db import connections

    said = ""
    while not _stop.wait(task.interval_s):
        begin_own(task.name)  # Ties the lines that a round causes, here and at other nodes.
        try:
            task.step()
            said = ""
        except Exception as error:  # The next round may find what was missing.
            if str(error) != said:  # Once, however many rounds it lasts.
                logger.warning("%s: %s", task.name, error)
            said = str(error)
            connections.close_all()
