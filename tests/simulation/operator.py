"""Who else works at a simulated store, each in a process of its own: an operator, and whoever locks a file."""

import io
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from functools import partial
from pathlib import Path

from tests.chaos.faults import Scene
from tests.chaos.operator import Decision, Offer, Operator
from tests.chaos.pairs import Pairs
from tests.simulation import duties
from tests.simulation.actors import World
from tests.simulation.customers import SimulatedStore

Packed = tuple[str, str, int, int, float, float]


def see_through(world: World, store: SimulatedStore, old: Path, seed: str, service: str) -> None:
    """Waits until both files of the service are in sync and sound; helps, by the runbook, if that takes long."""
    duties.become("")
    rng = random.Random(seed)
    scene = Scene(store.as_store(), rng, old, is_bound_by_modes=False)

    def say(line: str) -> None:
        world.out.append(("log", line))

    def scrub(service: str) -> bool:
        return manage("replication", "scrub", "--service", service)[0]

    operator = Operator(scene, say, lambda *asked: manage("replication", *asked)[1], partial(_held, world))
    Pairs(scene, (), rng, say, scrub, operator, 1.0).see_through(service)
    world.call("operated", service, [_packed(one) for one in operator.decisions], operator.stuck)


def manage(command: str, *arguments: str) -> tuple[bool, str]:
    """Whether `manage.py` was content, and what it says."""
    from django.core.management import CommandError, call_command
    from django.db import connections

    output, is_well = io.StringIO(), True
    try:
        with redirect_stderr(output):
            call_command(command, *arguments, stdout=output)
    except CommandError as error:  # It found damage, or nobody can be asked: the store has to cope.
        is_well = False
        output.write(f"{error}\n")
    connections.close_all()
    return is_well, output.getvalue()


@contextmanager
def _held(world: World, service: str) -> Iterator[Callable[[int], None]]:
    """It is the simulator that writes down the settled log."""

    def cut_at(position: int) -> None:
        world.call("cut at", service, position)

    world.call("hold", service, True)
    try:
        yield cut_at
    finally:
        world.call("hold", service, False)


def _packed(one: Decision) -> Packed:
    return one.service, one.offer.alias, one.offer.head, one.offer.lost, one.began, one.ended


def unpacked(packed: Packed) -> Decision:
    service, alias, head, lost, began, ended = packed
    return Decision(service, Offer(alias, head, lost), began, ended)


def hold(world: World, path: str) -> None:
    """Locks a file, if nobody has, until it is killed."""
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    world.call("held")
