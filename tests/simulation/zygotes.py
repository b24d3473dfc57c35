"""One for each node: a process that has loaded what it needs, so that it is there at once when it starts again."""

import gc
import importlib
from functools import cache, partial
from typing import NoReturn

from tests.simulation import node
from tests.simulation.forks import Zygote
from tests.simulation.link import Link

zygotes: list[Zygote] = []


@cache
def zygote(name: str) -> Zygote:
    """From which that node is forked, again and again. There has to be a data folder, with the store's secrets."""

    def serve_in_a_fork(link: Link, name: str, now_ns: int, seed: str) -> NoReturn:
        node.run(link, name, now_ns, seed, node.serve)

    zygotes.append(Zygote(partial(_get_ready, name), serve_in_a_fork))
    return zygotes[-1]


def _get_ready(name: str) -> None:
    """Loads what the node loads for itself. It keeps nothing of what is its own for as long as it lives."""
    from django.urls import get_resolver

    node.become(name)
    importlib.import_module("bookstore_project.asgi")
    _ = get_resolver().url_patterns
    gc.freeze()


def processor_s() -> float:
    """What they have used, and those of their forks that have ended."""
    return sum(zygote.processor_s() for zygote in zygotes)
