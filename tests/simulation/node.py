"""A simulated node: a process with the store's own code, forked from one that has loaded it."""

import gc
import importlib
import logging
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, NoReturn

from tests.simulation import actors, disk, primitives, vfs
from tests.simulation.actors import World
from tests.simulation.link import Link

PROJECT = ("bookstore_project", "catalog_app", "order_app", "frontend_app")
LEFT_OUT = (
    "bookstore_project.urls",
    "bookstore_project.asgi",
    "bookstore_project.wsgi",
    "postgresql",
    "settings.test",
    "tests",
    "conftest",
    "management",
)
"""Loaded by a node for itself, or never."""
_MACHINE = "simulated".zfill(16)


class _Moments(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class Moment(datetime, metaclass=_Moments):
    """`datetime`, whose now is the simulated one."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # The original gives `Self`.
        import time

        return datetime.fromtimestamp(time.time(), tz)


def load() -> None:
    """Loads all that a node needs, in the process from which nodes are forked."""
    import django

    django.setup()
    for name in _modules():
        importlib.import_module(name)
    for name, module in list(sys.modules.items()):
        if name.startswith((*PROJECT, "django.utils.timezone")) and getattr(module, "datetime", None) is datetime:
            module.datetime = Moment  # type: ignore[attr-defined]  # Whoever imported the name has it.
    _install_files()
    vfs.install()
    for name in ("bookstore", "django"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_Told()], False
        logger.setLevel(logging.INFO)
    gc.freeze()


def _modules() -> Iterable[str]:
    import pkgutil

    for name in PROJECT:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part in found.name for part in LEFT_OUT):
                yield found.name


def _install_files() -> None:
    """Points at the commits of the store's files, whose times are the simulated clock's."""
    from bookstore_project.nodes import client, processes
    from bookstore_project.replication import failpoints
    from bookstore_project.replication.sqlite_pair.backend.persistent_wal import PersistentWalConnection as Connection
    from tests.simulation import wire

    plain_commit, plain_execute, keep_wal = Connection.commit, Connection.execute, Connection.keep_wal

    def keep(self: Any, path: str, timeout_s: float) -> None:
        keep_wal(self, path, timeout_s)
        self.simulated_path = path

    def commit(self: Any) -> None:
        _point("commit")
        plain_commit(self)
        primitives.touch(f"{self.simulated_path}-wal")

    def execute(self: Any, sql: str, *parameters: Any) -> Any:
        if sql.startswith("BEGIN"):
            _point("begin")
        if sql.startswith("PRAGMA busy_timeout="):
            sql = "PRAGMA busy_timeout=0"
        result = plain_execute(self, sql, *parameters)
        if sql.startswith("PRAGMA wal_checkpoint"):
            primitives.touch(self.simulated_path)
        return result

    connection: Any = Connection
    connection.simulated_path = ""
    connection.keep_wal, connection.commit, connection.execute = keep, commit, execute
    failpoints.hooks = _EveryPoint()
    client._pool = lru_cache(wire.Pool)  # type: ignore[arg-type]  # In place of real connections.
    processes.identity, processes.has_ended = _identity, _has_ended


class _EveryPoint(dict[str, Callable[[], object]]):
    """Each failpoint is one at which actors change places."""

    def get(self, name: str, default: Any = None) -> Any:
        return lambda: _point(name)


def _identity() -> str:
    """As long as one is that the kernel tells; and the same in each run, as that isn't."""
    assert actors.world is not None
    return f"{_MACHINE}.{actors.world.number:07}.{0:012}"


def _has_ended(process: str) -> bool | None:
    machine, _, numbers = process.partition(".")
    return primitives.has_ended(int(numbers.partition(".")[0])) if machine == _MACHINE else None


def _point(name: str) -> None:
    if actors.world is not None:
        actors.world.pass_step(name)
        actors.world.point(name)


# ------------------------------------------------------------------------------------------ one process


def run(link: Link, name: str, now_ns: int, seed: str, work: Callable[[World], object]) -> NoReturn:
    """In the process that was forked: does the work, and ends."""
    random.seed(f"{seed}/module")
    world = World(link, name, now_ns, seed)
    world.before_others = disk.write_notes
    actors.set_world(world)
    status = 0
    try:
        world.start()
        work(world)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stderr.flush()
    os._exit(status)


class _Told(logging.Handler):
    """What a node logs goes to the simulator's trace."""

    def emit(self, record: logging.LogRecord) -> None:
        if actors.world is not None:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info))
            actors.world.out.append(("log", text))
