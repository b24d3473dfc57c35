"""Whether what a run's writers do is a run of the model (`tests/model`), step by step.

A step of the store's, as its failpoints tell, is one or a few of the model's writer. The states in which the model
may be are kept, as far as steps that nobody sees leave it open; a step after which there is none is one that it can't
make. Followed are writers, commits, settling, floors and kills; not the fronts' leases, and not a service any more
once a file of it has fallen out of sync: the model's maintenance has no steps that failpoints tell.
"""

from collections.abc import Callable
from functools import lru_cache

from tests.chaos.checker import Violation
from tests.model.protocol import FILES, Left, State, Writer, broken_promise, steps
from tests.simulation.coverage import service_of
from tests.simulation.processes import Process
from tests.simulation.watching import Watcher

Is = Callable[[State], bool]
_WRITER = "writer 1 "
_SETTLED = ("raises the floor", "has settled, and begins again", "acknowledges")
_TOLD = ("finds no lease",)
_COMMITS = tuple(f"{what} file {file + 1}" for what in ("commits on", "rolls forward") for file in FILES)
UNSEEN = ("begins", "finds an entry in doubt", "evicts whoever isn't here", *_COMMITS, "raises the floor")
"""What a process may have done since the last step that was told, when it is killed."""


def _stands(*at: str) -> Is:
    return lambda state: state.writers[0].step in at


def _is_settled(state: State) -> bool:
    return max(map(len, state.logs)) == state.floor


def _has_committed(count: int) -> Is:
    return lambda state: state.writers[0].step in ("ready", "committed") and state.writers[0].done == count


STEPS: dict[str, tuple[tuple[str, ...], Is]] = {
    "begun": (("takes the lock", *_SETTLED), lambda state: _stands("locked")(state) and _is_settled(state)),
    "settle-rolled": (
        ("takes the lock", "finds an entry in doubt", "evicts whoever isn't here", *_SETTLED),
        lambda state: _stands("ready")(state) and not state.writers[0].entry,
    ),
    "before-commit": (("begins", "evicts whoever isn't here"), _stands("ready")),
    "committed-1": (tuple(one for one in _COMMITS if one.endswith("1")), _has_committed(1)),
    "committed-2": (tuple(one for one in _COMMITS if one.endswith("2")), _has_committed(2)),
    "committed": ((), _stands("committed")),
    "settle-committed": ((), _stands("committed")),
    "invalidated": (_TOLD, _stands("told")),
    "settle-invalidated": (_TOLD, _stands("told")),
    "floor": (("raises the floor",), _stands("raised")),
}
"""By the store's step: the steps of the model's writer that it may be, and where that stands after it."""
FIRST = ("begun", "settle-rolled")
START = State(left=Left(writes=1, crashes=1, losses=0))


class _Service:
    """The states in which the model of one service may be, and who writes."""

    def __init__(self) -> None:
        self.states = frozenset((START,))
        self.holder: tuple[str, int] | None = None
        self.is_followed = True

    def make(self, name: str, who: tuple[str, int]) -> str:
        """What is wrong with that step; empty if nothing is."""
        if name in FIRST:
            self._begin(who)
        elif who != self.holder:
            return f"{who[0]} writes without the lock"
        allowed, is_there = STEPS[name]
        self.states = frozenset(filter(is_there, reached(self.states, allowed)))
        if not self.states:
            return "the model can't make it"
        return next(filter(None, map(broken_promise, self.states)), "")

    def kill(self) -> None:
        states = reached(self.states, UNSEEN)
        self.states = frozenset(_renewed(one._replace(lock=None, writers=(Writer(), Writer()))) for one in states)
        self.holder = None

    def _begin(self, who: tuple[str, int]) -> None:
        """Whoever wrote before has left: after its floor, or without a commit, as one does who is refused."""
        self.states = frozenset(
            _renewed(after._replace(lock=None, writers=(Writer(), Writer())))
            for after in reached(self.states, _SETTLED[:1])
            if who == self.holder or not after.writers[0].done or after.writers[0].step in ("raised", "told")
        )
        self.holder = who


@lru_cache(maxsize=10_000)  # What writers do is mostly the same again.
def reached(states: frozenset[State], allowed: tuple[str, ...]) -> frozenset[State]:
    """Where the model may be after any of these steps of its writer, or none."""
    names = {f"{_WRITER}{name}" for name in allowed}
    found, frontier = set(states), list(states)
    while frontier:
        for name, after in steps(frontier.pop()):
            if name in names and after not in found:
                found.add(after)
                frontier.append(after)
    return frozenset(found)


def _renewed(state: State) -> State:
    """With one more write to come; and what is settled on both files need not be remembered."""
    if state.logs[0] == state.logs[1] and len(state.logs[0]) == state.floor:
        return START
    return state._replace(left=START.left)


class Following(Watcher):
    """Of one run without damage to files."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self.followed = 0
        """Steps that the model has made, too."""
        self._services: dict[str, _Service] = {"catalog": _Service(), "order": _Service()}

    def step(self, at_ns: int, process: Process, actor: int, name: str) -> None:
        self.hear(process.name, actor, name)

    def note(self, at_ns: int, what: str) -> None:
        word, _, node = what.partition(" ")
        service = self._services.get(service_of(node))
        if word == "kill" and service is not None and service.holder is not None and service.holder[0] == node:
            service.kill()

    def hear(self, node: str, actor: int, name: str) -> None:
        """That actor of the node has come to that failpoint."""
        service = self._services.get(service_of(node))
        if service is None or not service.is_followed:
            return
        step = name.replace(f"committed-{service_of(node)}-", "committed-")
        if name in ("evict", "readmit"):
            service.is_followed = False
        elif step in STEPS:
            self.followed += 1
            if wrong := service.make(step, (node, actor)):
                self.found.append(Violation(f"no run of the model: {node} comes to `{name}`: {wrong}"))
                service.is_followed = False
