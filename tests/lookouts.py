"""Threads that a test has begun beside itself end with it.

On a server one looks for marks (`RowMarks`) as long as its process lives: in the tests after it, too, which drop the
databases that it asks. What it says of that is no test's, and would be among what others hear.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from bookstore_project.nodes import background, drains
from bookstore_project.nodes.background import Task
from tests.waiting import PATIENCE_S


class End(threading.Event):
    """Whoever hears of it has no connection any more."""

    def wait(self, timeout: float | None = None) -> bool:
        if is_over := super().wait(timeout):
            connections.close_all()
        return is_over


@contextmanager
def ended() -> Iterator[None]:
    """After a block, those that were begun in it without an end of their own."""
    end, begun, start = End(), list[threading.Thread](), background.start

    def start_for_now(task: Task, stop: threading.Event | None = None) -> threading.Thread:
        thread = start(task, stop or end)
        if stop is None:
            begun.append(thread)
        return thread

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "start", start_for_now)
        yield
    end.set()
    for thread in begun:
        thread.join(PATIENCE_S)
    drains._marks.cache_clear()
