"""What fails in the report, and how it is made to."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.report.generator import Run
from tests.store import Store
from tests.stress.fault_schedule import cut_off
from tests.stress.network import Network
from tests.stress.run import calls_between

OTHER_FRONT = "front-2"


@dataclass(frozen=True)
class Plan:
    """Of a round."""

    seconds: float
    strike_s: float
    """From the load's begin to the fault."""
    cut_off_s: float
    """How long a front hears nothing of the catalog."""


FULL, QUICK = Plan(5.0, 1.5, 2.5), Plan(1.8, 0.5, 0.9)


@dataclass(frozen=True)
class Fault:
    """Something that fails, and how it is made to."""

    name: str
    title: str
    strike: Callable[["Scene"], None]
    node: str
    seen_by: str = "front"
    """Whose events tell when it was noticed."""


@dataclass(frozen=True)
class Scene:
    """A running store, with what a fault needs."""

    store: Store
    plan: Plan
    network: Network | None = None
    """Between its nodes, if one is to be cut off."""


@dataclass
class Round:
    """One fault, once."""

    run: Run
    struck_s: float
    marks: Sequence[tuple[float, str]]
    """Seconds since the load's begin, and what was noticed then."""
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Of each table in the two files, when all was well again."""
    rows_before: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    watched: Run | None = None
    """Of a front that was cut off: the reads there, meanwhile."""
    stale: int = 0
    """Of those."""


def kill(node: str) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        scene.store.kill(node)

    return strike


def delete_file(scene: Scene) -> None:
    """The database of a running replica, and what SQLite keeps beside it."""
    for path in (scene.store.data / "catalog-2").glob("catalog.sqlite3*"):
        path.unlink(missing_ok=True)


def cut_off_a_front(scene: Scene) -> None:
    """Returns when it has been mended."""
    assert scene.network is not None
    trouble = cut_off(OTHER_FRONT, calls_between(["front", OTHER_FRONT]))
    scene.network.begin(trouble)
    time.sleep(scene.plan.cut_off_s)
    scene.network.take_back([trouble])


CUT_OFF = Fault("cut-off", "front-2 is cut off from the catalog", cut_off_a_front, "catalog-1", OTHER_FRONT)
FAULTS = (
    Fault("kill-catalog", "catalog-1 is killed", kill("catalog-1"), "catalog-1"),
    Fault("kill-order", "order-2 is killed", kill("order-2"), "order-2"),
    Fault("delete-file", "catalog-2's file is deleted", delete_file, "catalog-2"),
    CUT_OFF,
)
