"""Takes what catalog replicas push: on an update the old answers are deleted, and the new ones set.

Replicas send it (`replication/invalidation`): the deletion before the write is visible, and wait for it; the new
answers afterwards, and wait for nobody. `Coherence.pushed` does both steps; a late set puts nothing old back.
"""

from collections.abc import Iterator
from typing import Any

from bookstore_project.api import problems
from bookstore_project.api.request_id import is_acceptable
from bookstore_project.nodes import redaction
from frontend_app.cache.coherence import Coherence
from frontend_app.cache.messages import Push

KEYS_NAMED, LONGEST_KEY = 3, 100


def take(coherence: Coherence, message: Any, meant: str | None = None) -> dict[str, Any] | None:
    """Invalidates and sets as the message says; the answer, or None if it couldn't be done.

    The answer tells which of the invalidated keys had something that was kept: the new one is wanted. Raises Invalid
    if it is no push.

    `meant` is the process of the front that it is for, if it says so. Another one under the same name and address
    can't answer for that one's cache.
    """
    try:
        push = Push.parse(message)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise problems.Invalid({"non_field_errors": ["This is no push of a catalog replica."]}) from error
    if meant and meant != coherence.instance:
        return None
    wanted = coherence.pushed(push)
    if wanted is None:
        return None
    return {"wanted": wanted} | ({"lease_ended": coherence.end_lease()} if push.ends_lease else {})


def effects(message: Any, request_id: str) -> Iterator[tuple[str, str]]:
    """What a push does, in words, each time with the request that caused it; nothing for one that does nothing.

    `message` is one that `take` took. An invalidation belongs to the request that pushes; new entries of several
    requests come together, and the message says whose they are.
    """
    for position, keys in message.get("invalidate", ()):
        if keys:
            yield request_id, f"drops {_named(keys)} up to {position}"
    sets = message.get("set", ())
    causes = message.get("requests")
    causes = causes if isinstance(causes, list) else []
    for number, (position, key, _) in enumerate(sets):
        cause = str(causes[number]) if number < len(causes) else ""
        yield (
            cause if is_acceptable(cause) else request_id,
            f"sets {redaction.cut(key, LONGEST_KEY)} as of {position}",
        )


def _named(keys: list[str]) -> str:
    more = f" and {len(keys) - KEYS_NAMED} more" if len(keys) > KEYS_NAMED else ""
    return ", ".join(redaction.cut(str(key), LONGEST_KEY) for key in keys[:KEYS_NAMED]) + more
