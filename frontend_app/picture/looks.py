"""How each part of the picture looks now: one word for its colours, and what it says. The page is drawn with it, and
those who watch are told what has changed of it."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bookstore_project.nodes import redaction
from bookstore_project.settings import modes, topology
from frontend_app.cache.lru import LRUCache
from frontend_app.dashboard import file_faults
from frontend_app.dashboard.state import state_of
from frontend_app.monitoring import observer
from frontend_app.monitoring.feed import kind_of
from frontend_app.runtime import Front

SLOTS = 14
"""Of the row that is drawn. A cache with more entries shows the first ones, and the last LAST_SLOTS."""
LAST_SLOTS = 3
LONGEST, LONGEST_REASON = 20, 200
"""Characters in a node's box, and where there is room."""
_SALT = secrets.token_bytes(16)


class Look(NamedTuple):
    """`word` chooses colours, `text` is what the part says."""

    word: str
    text: str = ""


Looks = dict[str, Look]


def looks(front: Front) -> Looks:
    """Of all parts, by their names. It takes no lock for long, and asks nobody: the event loop makes it."""
    made: Looks = {}
    for service in (topology.CATALOG, topology.ORDER):
        told = observer.told_of(service, front.checkers)
        made.update(_service(front, service, told))
    made.update(_front(front))
    return made


def out_of_sync(front: Front) -> frozenset[str]:
    """The copies that are."""
    told = (observer.told_of(service, front.checkers) for service in topology.SERVICES)
    return frozenset(name for each in told for name in each.get("out") or {})


def _service(front: Front, service: str, told: Mapping[str, Any]) -> Iterator[tuple[str, Look]]:
    out, floor = told.get("out") or {}, told.get("floor")
    upstream = front.catalog if service == topology.CATALOG else front.order
    upcoming = upstream.balancer.turns.upcoming()
    in_sync = [name for name in topology.database_aliases(service) if told and name not in out]
    yield f"set:{service}", Look(_of_set(service, in_sync), ", ".join(in_sync) or ("nobody" if told else "unknown"))
    yield f"epoch:{service}", Look("", _number(told.get("epoch")))
    yield f"floor:{service}", Look("", _number(floor))
    for checker in front.checkers:
        node = checker.node
        if node.service != service:
            continue
        known, process = front.breakers.of(node), front.supervisor_states.states.get(node.name)
        word = state_of(known, is_drained=front.drains.is_drained(node))
        text = f"{process} on purpose" if process in ("stopped", "paused") else (known.reason or word)
        turn = " next" if upcoming is node else ""
        yield f"node:{node.name}", Look(word + turn, text if len(text) <= LONGEST else "out of rotation")
        yield f"why:{node.name}", Look("", redaction.cut(text, LONGEST_REASON))
        head = checker.status.get("position")
        if head is not None and node.name not in out:
            head = max(head, floor or 0)  # A copy in sync has what is settled, also while its process is stopped.
        yield f"head:{node.name}", Look("", _number(head))
        yield f"file:{node.name}", _file(node.name, out, told)
        yield f"offer:{node.name}", Look(" ".join(offered(word, process)))
        is_spare = bool(set(in_sync) - {node.name})
        yield f"offer:file:{node.name}", Look(" ".join(file_faults.KINDS) if is_spare else "")


def offered(state: str, process: str | None) -> list[str]:
    """The controls that make sense of a node in that state; `process` is None if no supervisor tells."""
    if process == "stopped":
        return ["start"]
    of_process = {"paused": ["stop", "kill", "continue"], None: []}.get(process, ["stop", "kill", "pause"])
    return [*of_process, "undrain" if state == "drained" else "drain"]


def _of_set(service: str, in_sync: Iterable[str]) -> str:
    copies = topology.database_aliases(service)
    found = [name in in_sync for name in copies]
    return "both" if all(found) else "none" if not any(found) else f"only-{1 + found.index(True)}"


def _file(name: str, out: Mapping[str, str], told: Mapping[str, Any]) -> Look:
    work = told.get("work") or {}
    if str(work.get("what", "")).endswith(f" {name}"):
        return Look("work", f"{str(work['what']).partition(' ')[0]} {float(work['part']):.0%}")
    if not told:
        return Look("unknown", "not heard of")
    return Look("out", "out of sync") if name in out else Look("in", "in sync")


def _front(front: Front) -> Iterator[tuple[str, Look]]:
    store, counted = front.reads.cache, front.reads.counters()
    process = front.supervisor_states.states.get(front.node.name)
    yield f"offer:{front.node.name}", Look(" ".join(offered("up", process)[:-1]))
    left_s = front.coherence.lease_until - front.coherence.clock()
    yield "lease", Look("held" if left_s > 0 else "none", _lease(front, left_s))
    yield "counts", Look("", f"{counted.hits} hits, {counted.misses} misses")
    if not isinstance(store, LRUCache):
        yield "cache", Look("shared", "in another process")
        return
    size, first, last = store.ends(SLOTS - LAST_SLOTS, LAST_SLOTS)
    yield "cache", Look("own", f"{size} of {store.max_entries} entries")
    shown = [*first, *last]
    for number in range(SLOTS):
        key = shown[number] if number < len(shown) else None
        yield f"slot:{number}", Look(f"full {_tag(key)}", kind_of(key)[0]) if key is not None else Look("empty")
    yield "more", Look("", f"… {size - SLOTS} more …" if size > SLOTS else "b: book, t: topic")


def _lease(front: Front, left_s: float) -> str:
    if front.coherence.mode != modes.FULL:
        return "no leases in this mode"
    return "held" if left_s > 0 else "none: past the cache"


def _tag(key: str) -> str:
    """By which a slot's entry is known again when it moves. It doesn't tell the key."""
    return "e" + hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=_SALT, digest_size=5).hexdigest()


def _number(value: object) -> str:
    return "?" if value is None else str(value)
