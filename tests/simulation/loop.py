"""The event loop of a simulated node: asyncio's own, which waits for the simulator and for no socket."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

from tests.simulation.actors import World


class _Selector(selectors.BaseSelector):
    """Nothing ever comes from the kernel: what comes wakes the loop's actor."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._actor = world.current
        self._is_awake = False

    def wake(self) -> None:
        self._is_awake = True
        self._world.wake(self._actor)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            self._world.point("loop")
        elif not self._is_awake:
            self._world.block(-1 if timeout is None else self._world.now_ns + int(timeout * 1e9) + 1, "loop")
        self._is_awake = False
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class Loop(asyncio.SelectorEventLoop):
    """Runs in the main actor."""

    def __init__(self, world: World) -> None:
        self._sim_selector = _Selector(world)
        super().__init__(self._sim_selector)

    def _write_to_self(self) -> None:
        self._sim_selector.wake()
