"""One for each node: a process that has loaded what it needs, so that it is there at once when it starts again.

And one for what comes before the nodes when the machine starts.
"""

import gc
import importlib
import pkgutil
from contextlib import suppress
from functools import cache, partial
from typing import NoReturn

from tests.simulation import duties, node
from tests.simulation.forks import Zygote
from tests.simulation.link import Link

BOOT = "boot"
LATE = ("tests.asgi", "tests.simulation.loop", "django.contrib.sessions.serializers", "django.db.models.sql.compiler")
"""What a node would load with its first requests."""
zygotes: list[Zygote] = []


@cache
def zygote(name: str) -> Zygote:
    """From which that node, or BOOT, is forked, again and again. There has to be a data folder, with secrets."""
    work, get_ready = (duties.boot, _get_ready_to_boot) if name == BOOT else (duties.serve, partial(_get_ready, name))

    def work_in_a_fork(link: Link, name: str, now_ns: int, seed: str) -> NoReturn:
        node.run(link, name, now_ns, seed, work)

    zygotes.append(Zygote(get_ready, work_in_a_fork))
    return zygotes[-1]


def _get_ready(name: str) -> None:
    """Loads what the node loads for itself. It keeps nothing of what is its own for as long as it lives."""
    from django.urls import Resolver404, get_resolver

    duties.become(name)
    for module in ("bookstore_project.asgi", *LATE):
        importlib.import_module(module)
    with suppress(Resolver404):
        get_resolver().resolve("/nowhere")  # Each pattern is compiled when a path is compared with it.
    gc.freeze()


def _get_ready_to_boot() -> None:
    """Loads the commands and migrations."""
    from django.db.migrations.loader import MigrationLoader

    duties.become("")
    for name in node.PROJECT:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if ".commands" in found.name and not found.name.endswith("conftest") and ".tests" not in found.name:
                importlib.import_module(found.name)
    MigrationLoader(None)
    gc.freeze()


def processor_s() -> float:
    """What they have used, and those of their forks that have ended."""
    return sum(zygote.processor_s() for zygote in zygotes)
