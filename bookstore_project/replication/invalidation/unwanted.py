"""What fronts don't keep: told to forget answers, each says which it had, and is spared the others' new ones.

A set push costs as much as a sale's invalidation, and a front has no use for the answer to what nobody asks it.
"""

import json
import threading
from collections import OrderedDict
from contextlib import suppress

from bookstore_project.replication.interface import Holder
from bookstore_project.replication.invalidation.messages import PushMessage

MOST_KEPT = 1000
"""Keys of all fronts together; of others it counts as unknown, and they are sent."""

_unwanted: "OrderedDict[tuple[Holder, str], tuple[str, int]]" = OrderedDict()
"""By process of a front and key: the timeline and the position of what it was told to forget, and didn't have."""
_guard = threading.Lock()


def note(holder: Holder, message: PushMessage, answer: bytes) -> None:
    """What the front answered that has taken this message. An answer that says nothing of it tells nothing."""
    with suppress(ValueError, KeyError, TypeError):
        wanted = set(json.loads(answer)["wanted"])
        with _guard:
            for position, keys in message["invalidate"]:
                for key in keys:
                    _unwanted.pop((holder, key), None)
                    if key not in wanted:
                        _unwanted[holder, key] = message["timeline"], position
            while len(_unwanted) > MOST_KEPT:
                _unwanted.popitem(last=False)


def is_unwanted(holder: Holder, key: str, timeline: str, position: int) -> bool:
    """Whether the front didn't have the key when it was told of that position, or of a later one.

    What it may have got since then, by somebody's question, is at least as new.
    """
    with _guard:
        noted = _unwanted.get((holder, key))
    return noted is not None and noted[0] == timeline and noted[1] >= position
