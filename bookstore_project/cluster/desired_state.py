"""What a person wants of a node, beyond its being kept running."""

import asyncio


class DesiredState:
    """For one event loop."""

    def __init__(self) -> None:
        self.is_held = False
        """Whether it is to stay stopped."""
        self.is_paused = False
        self._changed = asyncio.Event()

    def hold(self) -> None:
        self.is_held = True

    def release(self) -> bool:
        """To be started now, whatever it waits for; whether it was held."""
        was_held, self.is_held = self.is_held, False
        self._changed.set()
        return was_held

    async def wait_or(self, other: asyncio.Event, timeout_s: float | None = None) -> None:
        """Returns when it is released, the other event is set, or the time is over."""
        self._changed.clear()
        waits = [asyncio.create_task(event.wait()) for event in (self._changed, other)]
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
