"""Keeps one node running: starts it, passes on what it says, and starts it again when it dies or hangs."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import IO

from bookstore_project.cluster import display, lifeline
from bookstore_project.cluster.backoff import Backoff
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.desired_state import DesiredState
from bookstore_project.cluster.launcher import ProcessGroup, Start
from bookstore_project.cluster.lifeline import Lifeline
from bookstore_project.cluster.logfiles import LogFile
from bookstore_project.cluster.process import read_pid
from bookstore_project.cluster.readiness import is_silent, why_not_ready
from bookstore_project.cluster.watchdog import Watchdog
from bookstore_project.settings import topology

PROBE_EVERY_S = 0.05
COMPLAIN_AFTER_S = 10.0
"""After this many seconds the console says why a node isn't ready yet."""
LONGEST_LINE_BYTES = 64 * 1024
DRAIN_S = 0.5
STOP_GRACE_S = 0.9


class NotRunning(Exception):
    """What was asked for needs a process, and there is none."""


class Keeper:
    """One node. Used from one event loop; `run` ends after `stopping` is set and the process is gone."""

    def __init__(
        self,
        node: topology.Node,
        *,
        start: Start,
        line_to: Console,
        alive: Lifeline,
        stopping: asyncio.Event,
        hung_after_s: float,
    ) -> None:
        self.node = node
        self.ready = asyncio.Event()
        self.on_change: Callable[[], object] = lambda: None
        """Called when `state` may have changed."""
        self._start = start
        self._console = line_to
        self._lifeline = alive
        self._stopping = stopping
        self._hung_after_s = hung_after_s
        self._backoff = Backoff()
        self._log = LogFile(topology.LOG_DIR / f"{node.name}.log")
        self._process: ProcessGroup | None = None
        self._desired = DesiredState()

    async def run(self) -> None:
        """Keeps the node running until it is told to stop."""
        while not self._stopping.is_set():
            if self._desired.is_held:
                await self._desired.wait_or(self._stopping)
                continue
            began = time.monotonic()
            try:
                ending = display.how_it_ended(await self._run_once())
            except OSError as error:  # Out of processes, memory or descriptors: that may pass.
                ending = f"it can't be started: {error}"
            if self._stopping.is_set():
                break
            if self._desired.is_held:
                self._console.line(self._console.paint(f"{self.node.name} is stopped, until it is started", "yellow"))
                continue
            delay_s = self._backoff.delay_s(time.monotonic() - began)
            self._report_death(ending, delay_s)
            await self._desired.wait_or(self._stopping, delay_s)
        self._log.close()

    @property
    def state(self) -> str:
        """`running` (or about to), `stopped` on purpose, or `paused`."""
        if self._desired.is_held:
            return "stopped"
        return "paused" if self._desired.is_paused and self._process else "running"

    async def obey(self, command: str) -> str:
        """Carries out a command of `nodes.supervisor_client.COMMANDS`; what came of it. Raises NotRunning."""
        try:
            return await self._obey(command)
        finally:
            self.on_change()

    async def _obey(self, command: str) -> str:
        name = self.node.name
        if command == "stop":
            self._desired.hold()
            self.on_change()
            await self._end()
            return f"{name} is stopped, until it is started."
        if command == "start":
            was_held = self._desired.release()
            return f"{name} is starting." if was_held else f"{name} wasn't stopped."
        if self._process is None:
            raise NotRunning(f"{name} isn't running: there is nothing to {command}.")
        if command == "kill":
            self.signal_group(signal.SIGKILL)
            return f"{name} was killed, and is started again."
        self._desired.is_paused = command == "pause"
        self.signal_group(signal.SIGSTOP if command == "pause" else signal.SIGCONT)
        return f"{name} is paused." if command == "pause" else f"{name} goes on."

    async def _end(self) -> None:
        """Stops the process politely, and after a while by force; returns when it is gone."""
        if not (process := self._process):
            return
        self.signal_group(signal.SIGTERM)
        self.signal_group(signal.SIGCONT)  # Whoever is paused doesn't hear the other one.
        deadline = time.monotonic() + STOP_GRACE_S
        while self._process is process:
            if time.monotonic() > deadline:
                self.signal_group(signal.SIGKILL)
            await asyncio.sleep(PROBE_EVERY_S)

    def signal_group(self, number: signal.Signals) -> None:
        """Signals every process of the node, if there is any."""
        if self._process:
            self._process.signal(number)

    async def _run_once(self) -> int:
        """From start to end of one process group; returns the leader's exit status."""
        process = self._process = await asyncio.to_thread(self._start, self._environment(os.environ))
        if self._stopping.is_set() or self._desired.is_held:  # Said while it was being started.
            self.signal_group(signal.SIGTERM)
        relay = asyncio.create_task(self._relay(process.output))
        announcement = asyncio.create_task(self._announce_ready())
        watch = asyncio.create_task(self._kill_when_hung())
        try:
            status = await asyncio.to_thread(process.wait)
        finally:
            self.ready.clear()
            self._process = None
            self._desired.is_paused = False
            self.on_change()
            announcement.cancel()
            watch.cancel()
        await asyncio.wait([relay], timeout=DRAIN_S)
        relay.cancel()
        await asyncio.gather(relay, announcement, watch, return_exceptions=True)
        return status

    def _environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        return {
            **inherited,
            "BOOKSTORE_NODE": self.node.name,
            lifeline.VARIABLE: str(self._lifeline.read_fd),
            "PYTHONUNBUFFERED": "1",
        }

    async def _relay(self, output: IO[bytes]) -> None:
        """Passes on lines until every process of the group has closed its output."""
        reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), output)
        pending = b""
        try:
            while chunk := await reader.read(LONGEST_LINE_BYTES):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._show(line)
                if len(pending) > LONGEST_LINE_BYTES:
                    self._show(pending)
                    pending = b""
        finally:
            if pending:
                self._show(pending)
            transport.close()

    def _show(self, line: bytes) -> None:
        self._log.write(line)
        text = line.decode(errors="replace").rstrip("\r")
        if display.is_shown(self.node, text):
            self._console.routine(display.log_line(self.node, text))

    async def _announce_ready(self) -> None:
        """Says that the node is ready, or after a while why it isn't; returns when it is."""
        complain_at: float | None = time.monotonic() + COMPLAIN_AFTER_S
        while reason := await why_not_ready(self.node):
            if complain_at and time.monotonic() > complain_at:
                self._console.line(self._console.paint(f"{self.node.name} is not ready yet: {reason}", "yellow"))
                complain_at = None
            await asyncio.sleep(PROBE_EVERY_S)
        self.ready.set()
        pid = read_pid(self.node.pid_file)
        self._console.line(self._console.paint(display.node_line(self.node, "ready", pid), "green"))

    async def _kill_when_hung(self) -> None:
        """A process that was stopped doesn't heed polite signals."""
        watchdog = Watchdog(self._hung_after_s, partial(is_silent, self.node), is_up=self.ready.is_set)
        await watchdog.until_hung()
        text = f"{self.node.name} has given no answer for {self._hung_after_s:g} s: killing it"
        self._console.line(self._console.paint(text, "red"))
        self.signal_group(signal.SIGKILL)

    def _report_death(self, ending: str, delay_s: float) -> None:
        when = f"again in {delay_s:g} s" if delay_s else "again now"
        text = f"{self.node.name} died ({ending}): starting it {when}"
        self._console.line(self._console.paint(text, "red"))
