"""What staff may do to a store that is there to be broken, and what each of it will do: told before, done after."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.conf import settings

from bookstore_project.api import permissions, problems
from bookstore_project.nodes import supervisor_client
from bookstore_project.replication.engine import copies
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from frontend_app import services
from frontend_app.cache.lru import LRUCache
from frontend_app.dashboard import file_faults
from frontend_app.dashboard.load_burst import LoadBurst
from frontend_app.runtime import Front

GRACE_S = 0.5
"""How long a front that its own client stops goes on, so that the client gets an answer."""
NODE, TURNS, FILE, STORE = "node", "turns", "file", "store"


@dataclass(frozen=True)
class Control:
    """Something to do. In `foretold`, `{name}` is what it is done to, and `{others}` who goes on meanwhile."""

    kind: str
    action: str
    label: str
    foretold: str

    @property
    def permission(self) -> str:
        """What it takes to use it."""
        if self.kind == TURNS:
            return permissions.DRAIN_REPLICA
        return permissions.CLEAR_CACHE if self.action == "clear" else permissions.BREAK_STORE


@dataclass(frozen=True)
class Target:
    """A control, and what it is done to: a node's name; empty for the store as a whole."""

    control: Control
    name: str = ""

    @property
    def foretold(self) -> str:
        node = topology.NODES.get(self.name)
        others = [other.name for other in topology.replicas(node.service) if other != node] if node else []
        if node and node.service == topology.FRONT:
            return FORETOLD_OF_FRONTS[self.control.action].format(name=self.name)
        return self.control.foretold.format(name=self.name, others=" and ".join(others))


FORETOLD_OF_FRONTS = {
    "stop": "{name} ends and stays stopped; a page that it shows stands still. Start it again with "
    "`manage.py node start {name}`, or from the page of another front.",
    "start": "{name} starts, if it was stopped.",
    "kill": "{name} dies at this instant, by kill -9, with all that it has at hand. The supervisor starts it again "
    "at once, with an empty cache; a purchase that was under way can be repeated with its key.",
    "pause": "{name} keeps its connections and answers nothing (SIGSTOP); a page that it shows stands still. Go on "
    "with `manage.py node continue {name}`; otherwise the supervisor kills it after a while, and starts it anew.",
    "continue": "{name} goes on after a pause (SIGCONT).",
}

CONTROLS = (
    Control(
        TURNS,
        "drain",
        "Drain",
        "{name} finishes what it has at hand and gets no new requests, from any front, until it is let in again: "
        "they go to {others}. It stays in sync. Refused if no other replica would be left.",
    ),
    Control(TURNS, "undrain", "Let in", "{name} takes its turns again."),
    Control(
        NODE,
        "stop",
        "Stop",
        "{name} ends what it has at hand and stays stopped until you start it. Requests go to {others}, and no "
        "purchase fails.",
    ),
    Control(NODE, "start", "Start", "{name} starts, if it was stopped, catches up, and takes its turns again."),
    Control(
        NODE,
        "kill",
        "Kill",
        "{name} dies at this instant, by kill -9, in the middle of whatever it does. {others} takes over, the "
        "supervisor starts {name} again at once, and nothing that was acknowledged is lost.",
    ),
    Control(
        NODE,
        "pause",
        "Pause",
        "{name} keeps its connections and answers nothing (SIGSTOP). Requests that wait for it go to {others} when "
        "their time is over. If it doesn't go on, the supervisor kills it after a while, and starts it anew.",
    ),
    Control(NODE, "continue", "Continue", "{name} goes on after a pause (SIGCONT)."),
    Control(
        FILE,
        "delete",
        "Delete file",
        "The database file of {name} is deleted. The store goes on with the copy of {others}, and makes {name} a new "
        "copy of it within seconds.",
    ),
    Control(
        FILE,
        "truncate",
        "Truncate file",
        "The database file of {name} is cut to half its length. The store notices, goes on with the copy of "
        "{others}, and replaces the bad one.",
    ),
    Control(
        FILE,
        "flip",
        "Flip a byte",
        "One byte of the database file of {name} is inverted, and a scrub is ordered, which reads both files whole. "
        "The store goes on with the copy of {others}, and replaces the bad one.",
    ),
    Control(
        FILE,
        "lock",
        "Lock 5 s",
        "The database file of {name} is locked for five seconds, as by another program. Writers wait for it or go on "
        "with the copy of {others}; afterwards {name} rejoins by its log.",
    ),
    Control(
        STORE,
        "rush",
        "Buy 100 books at once",
        "A hundred customers buy one copy each of the same book at the same moment. Who comes too late is told so: "
        "never more copies are sold than there are. The events say how it ended.",
    ),
    Control(
        STORE,
        "clear",
        "Clear the cache",
        "The cache of this front is emptied: the next read of each book is a miss, and nothing else changes.",
    ),
)


def check_allowed() -> None:
    """Raises Forbidden where the store isn't there to be broken."""
    if not settings.IS_BREAKABLE:
        raise problems.Forbidden("This store isn't there to be broken: BOOKSTORE_BREAKABLE isn't set.")


def find(kind: str, action: str, name: str = "") -> Target:
    """Raises NotFound for a control that there isn't, or a node that can't have it."""
    known = {(control.kind, control.action): control for control in CONTROLS}
    if (kind, action) not in known or not has(kind, name):
        raise problems.NotFound("There is no such control.")
    return Target(known[kind, action], name)


def has(kind: str, name: str) -> bool:
    """Whether something of that name has controls of the kind."""
    if kind == STORE:
        return name == ""
    if kind == FILE:
        return name in copies.files()
    return name in topology.NODES and (kind == NODE or topology.NODES[name].service != topology.FRONT)


def perform(front: Front, target: Target, *, by: str, book_id: int = 1) -> str:
    """Does it; returns what was done, as a sentence. Raises Forbidden, Unavailable, Conflict."""
    check_allowed()
    told = _ACTIONS[target.control.kind](front, target, by, book_id)
    front.journal.event(target.name or front.node.name, target.control.label.lower(), by=by, kind="ordered")
    return told


def _to_node(front: Front, target: Target, by: str, book_id: int) -> str:
    delay_s = GRACE_S if target.name == front.node.name else 0.0
    return supervisor_client.order(target.control.action, target.name, by=by, after_s=delay_s)


def _to_turns(front: Front, target: Target, by: str, book_id: int) -> str:
    if target.control.action == "drain":
        services.drain(front, target.name, username=by, is_forced=False)
        return f"{target.name} gets no new requests."
    services.undrain(front, target.name)
    return f"{target.name} takes its turns again."


def _to_file(front: Front, target: Target, by: str, book_id: int) -> str:
    return file_faults.inflict(target.control.action, topology.NODES[target.name])


def _to_store(front: Front, target: Target, by: str, book_id: int) -> str:
    if target.control.action == "rush":
        return LoadBurst(front).start(book_id)
    return clear_cache(front)


def obstacle(front: Front, target: Target) -> str:
    """Why a control can't do what it says, as long as this front runs; empty if it can."""
    is_shared = not isinstance(front.reads.cache, LRUCache)
    if target.control.action == "clear" and is_shared:
        return "The cache is shared, and may hold what isn't this store's: it isn't cleared."
    return ""


def clear_cache(front: Front) -> str:
    """Raises Conflict for a cache that isn't the front's own: others may keep something in it."""
    cache = front.reads.cache
    if not isinstance(cache, LRUCache):
        raise problems.Conflict(obstacle(front, find(STORE, "clear")))
    count = len(cache)
    cache.clear()
    return f"The cache is empty; it held {count} {'entry' if count == 1 else 'entries'}."


_ACTIONS: Mapping[str, Callable[[Front, Target, str, int], str]] = {
    NODE: _to_node,
    TURNS: _to_turns,
    FILE: _to_file,
    STORE: _to_store,
}


def offered(allowed: Collection[str]) -> list[tuple[Node, list[Target]]]:
    """By node, for the page of somebody who has those permissions."""
    mine = [control for control in CONTROLS if control.kind != STORE and control.permission in allowed]
    return [
        (node, [Target(control, node.name) for control in mine if has(control.kind, node.name)])
        for node in topology.NODES.values()
    ]


def offered_for_store(front: Front, allowed: Collection[str]) -> list[tuple[Target, str]]:
    """Each with its obstacle."""
    mine = [Target(control) for control in CONTROLS if control.kind == STORE and control.permission in allowed]
    return [(target, obstacle(front, target)) for target in mine]
