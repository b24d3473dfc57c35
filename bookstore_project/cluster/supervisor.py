"""Runs the whole store: every node in a process group of its own, until a signal says stop."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from bookstore_project import files
from bookstore_project.cluster import display, early
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.control import ControlSocket
from bookstore_project.cluster.keeper import Keeper
from bookstore_project.cluster.launcher import Launcher
from bookstore_project.settings import base, topology

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY_S = 1.0
"""Between two looks at the data folder, in seconds."""
KILL_AFTER_S = 0.9
"""From the polite signal to the other one, in seconds: longer than `launch.GRACE_S`, and all is over within two."""


class Supervisor:
    """Starts all nodes at once, restarts what dies or hangs, stops all of them together."""

    def __init__(
        self,
        nodes: Sequence[topology.Node],
        *,
        console: Console,
        arguments: Sequence[str] = (),
        is_replaced: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nodes are started by `launch.main(arguments)`. What they need is being loaded, beside whatever comes first.

        `is_replaced`: whether another data folder lies where this supervisor's was.
        """
        self._nodes = nodes
        self._console = console
        self._is_replaced = is_replaced
        self._lifeline, fork_server = early.take()
        self._launcher = Launcher(arguments, self._lifeline, fork_server)

    def run(self) -> None:
        """Returns after SIGINT, SIGTERM or SIGHUP, when no process of any node is left."""
        asyncio.run(self._run())

    def close(self) -> None:
        """Lets go: whatever was started and goes on ends itself. To be called once, in whatever way it ended."""
        self._launcher.close()
        self._lifeline.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        # A thread waits for each process: with fewer, the death of one would go unseen.
        loop.set_default_executor(ThreadPoolExecutor(len(self._nodes) + 2))
        stopping = asyncio.Event()
        keepers = [
            Keeper(
                node,
                start=self._launcher.start,
                line_to=self._console,
                alive=self._lifeline,
                stopping=stopping,
                hung_after_s=base.HUNG_AFTER_S,
            )
            for node in self._nodes
        ]
        for number in STOP_SIGNALS:
            self._listen(loop, number, stopping, keepers)
        control = ControlSocket({keeper.node.name: keeper for keeper in keepers}, self._console)
        await control.open()
        running = [asyncio.create_task(keeper.run()) for keeper in keepers]
        greeting = asyncio.create_task(self._greet(keepers))
        watching = asyncio.create_task(self._watch(control, stopping))
        stopped = asyncio.create_task(stopping.wait())
        # A keeper doesn't end by itself: if one does, it is by an error of ours, which must not leave the others.
        await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        watching.cancel()
        control.close()
        greeting.cancel()
        await self._stop(keepers, running)
        for node in self._nodes:
            with suppress(OSError):
                files.remove(node.pid_file)
        await asyncio.gather(*running)

    def _listen(
        self,
        loop: asyncio.AbstractEventLoop,
        number: signal.Signals,
        stopping: asyncio.Event,
        keepers: Sequence[Keeper],
    ) -> None:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            return  # nohup: whoever asked for that wants the store to outlive the terminal.

        def stop() -> None:
            if stopping.is_set():  # Asked twice: no more patience.
                for keeper in keepers:
                    keeper.signal_group(signal.SIGKILL)
                return
            self._console.line(f"{number.name}: stopping")
            stopping.set()

        loop.add_signal_handler(number, stop)

    async def _watch(self, control: ControlSocket, stopping: asyncio.Event) -> None:
        """Looks at what may be gone, or another one.

        Whoever has another folder in the place of ours may start a supervisor of its own: it isn't waited for.
        """
        while not self._is_replaced():
            await asyncio.sleep(LOOK_EVERY_S)
            await control.reopen_if_gone()
            self._launcher.keep_up()
        self._console.line(f"Another folder lies at {display.short(topology.DATA)}, where the store's was: stopping")
        stopping.set()

    async def _greet(self, keepers: Sequence[Keeper]) -> None:
        """Once all are ready for the first time: where to click."""
        began = time.monotonic()
        await asyncio.gather(*(keeper.ready.wait() for keeper in keepers))
        self._console.line(f"All {len(keepers)} nodes are ready after {time.monotonic() - began:.1f} s.")
        self._console.line()
        for line in display.guide(base.STAFF_PASSWORD_FILE):
            self._console.line(line)
        self._console.line()

    async def _stop(self, keepers: Sequence[Keeper], running: Sequence["asyncio.Task[None]"]) -> None:
        await asyncio.to_thread(self._launcher.close)  # Whoever is being started isn't waited for.
        for keeper in keepers:
            keeper.signal_group(signal.SIGTERM)
        _, late = await asyncio.wait(running, timeout=KILL_AFTER_S)
        for keeper in keepers:
            keeper.signal_group(signal.SIGKILL)
        if late:
            await asyncio.wait(late)
        self._console.line("Stopped.")
