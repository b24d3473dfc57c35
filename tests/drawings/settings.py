"""The shop's settings for a store that is drawn: it notes when its protocol reaches each of its named points.

One line of JSON for each: time in epoch seconds, node, point. They are in the folder `marks` of its data. A line
costs some hundredths of a millisecond.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from bookstore_project.replication import failpoints
from tests.store_settings import *  # noqa: F403  (a settings module extends another)

FOLDER = "marks"


class Marks(dict[str, Callable[[], object]]):
    """Has a hook for every point, in the processes of nodes; which one it is, a process may learn later than this."""

    # Of the several forms that a dict's has, the one that is called.
    def get(self, point: str, default: object = None) -> Callable[[], object] | None:  # type: ignore[override]
        now, node = time.time(), os.environ.get("BOOKSTORE_NODE")
        return (lambda: note(node, now, point)) if node else None


def note(node: str, now: float, point: str) -> None:
    with Path(os.environ["BOOKSTORE_DATA"], FOLDER, f"{node}.jsonl").open("a") as file:
        file.write(json.dumps([now, node, point]) + "\n")


if os.environ.get("DJANGO_SETTINGS_MODULE") == __name__:  # Else a test looks in here, whose points are its own.
    Path(os.environ["BOOKSTORE_DATA"], FOLDER).mkdir(parents=True, exist_ok=True)
    failpoints.hooks = Marks()
