"""The network between the actors of a store: a wire for each that calls another, as bad as the schedule makes it.

A wire is a TCP proxy. What travels on it from one actor to the other is delayed, held or lost by the troubles that
concern just that way: a request may arrive while its answer doesn't. What was held is delivered late or never, as by
a network that has been mended: also when nobody waits for it any more. Who isn't there refuses connections.
"""

import asyncio
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

Way = tuple[str, str]
"""From an actor to another."""
CHUNK = 64 * 1024
LOOKED_FOR_EVERY_S = 0.05
DELIVERED_LATE = 0.5
"""Of what was held: the rest is lost, with its connection."""


@dataclass(frozen=True, eq=False)
class Trouble:
    """Something that is wrong on some ways, while it lasts."""

    kind: str
    ways: frozenset[Way]
    wires: frozenset[Way] = frozenset()
    """The only ones that it concerns, by caller and called; all, if none is named."""
    delay_s: float = 0.0
    """At most, for whatever passes."""
    loss: float = 0.0
    """How likely it is that something is lost, with its connection."""
    is_blocked: bool = False


class Lost(ConnectionError):
    """What was on its way won't arrive."""


class Network(threading.Thread):
    """Wires, and the troubles on them, on an event loop of its own. A context manager: it carries inside."""

    def __init__(
        self,
        calls: Iterable[Way],
        addresses: Mapping[str, str],
        seed: str,
        sockets: Mapping[str, Path] | None = None,
    ) -> None:
        """A wire for each caller and called. `addresses` are those that callers know.

        The actors listen there, or at a Unix socket where there is one for them.
        """
        super().__init__(daemon=True, name="network")
        self.carried: Counter[Way] = Counter()
        """Times that something was delivered."""
        self.lost: Counter[Way] = Counter()
        self.held: Counter[Way] = Counter()
        self.delayed: Counter[Way] = Counter()
        self._addresses = addresses
        self._sockets = sockets or {}
        self._rng = random.Random(f"{seed}/network")
        self._ports = {call: _free_port() for call in calls}
        self._listeners = {call: _listener(port) for call, port in self._ports.items()}
        self.troubles: list[Trouble] = []
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._wires: set[asyncio.Task[None]] = set()
        self._taken: set[socket.socket] = set()
        """Connections whose wire still carries, or hasn't begun to."""

    def routes(self) -> dict[str, dict[str, str]]:
        """For each caller, for the address of each actor that it calls, the address of the wire."""
        found: dict[str, dict[str, str]] = {}
        for (caller, called), port in self._ports.items():
            host, number = port.getsockname()
            found.setdefault(caller, {})[self._addresses[called]] = f"{host}:{number}"
        return found

    def silent(self) -> set[Way]:
        """Kinds of actors of which no one has called any of the others through a wire."""
        used = {_services(call) for call in self._ports if self.carried[call]}
        return {_services(call) for call in self._ports} - used

    def begin(self, trouble: Trouble) -> None:
        """When this returns, nothing passes the trouble by."""
        self._tell([trouble], [])

    def take_back(self, troubles: Sequence[Trouble]) -> None:
        self._tell([], troubles)

    def _tell(self, begun: Sequence[Trouble], ended: Sequence[Trouble]) -> None:
        is_told = threading.Event()
        self._loop.call_soon_threadsafe(self._change, begun, ended)
        self._loop.call_soon_threadsafe(is_told.set)
        is_told.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.join()

    def end(self) -> None:
        """Asks for the end, and waits for nothing; does nothing once it has come."""
        with suppress(RuntimeError):
            self.call(self._ended.set)

    def call(self, function: Callable[[], object]) -> None:
        """Has it called by the loop."""
        self._loop.call_soon_threadsafe(function)

    def run(self) -> None:
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        self._tasks += [asyncio.create_task(self._serve(call)) for call in self._listeners]
        await self._ended.wait()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for _ in range(2):
            await asyncio.sleep(0)  # What was aborted is closed in the loop's next round.
        # A task that was ended before its turn came leaves open what it was given.
        for left in (*self._taken, *self._listeners.values(), *self._ports.values()):
            left.close()

    def _change(self, begun: Sequence[Trouble], ended: Sequence[Trouble]) -> None:
        self.troubles = [trouble for trouble in (*self.troubles, *begun) if trouble not in ended]
        self._changed.set()
        self._changed = asyncio.Event()

    # ---------------------------------------------------------------------------------------- one wire

    async def _serve(self, call: Way) -> None:
        """Takes connections while the actor that is called does."""
        while True:
            listener, is_gone = self._listeners[call], asyncio.Event()
            self._loop.add_reader(listener, self._take, call, listener, is_gone)
            try:
                await is_gone.wait()
            finally:
                self._loop.remove_reader(listener)
                listener.close()
            await self._return_of(call[1])
            self._listeners[call] = _listener(self._ports[call])

    def _take(self, call: Way, listener: socket.socket, is_gone: asyncio.Event) -> None:
        with suppress(OSError):  # Who called has gone already.
            connection, _ = listener.accept()
            connection.setblocking(False)
            self._taken.add(connection)
            wire = asyncio.create_task(self._wire(call, connection, is_gone))
            self._wires.add(wire)
            wire.add_done_callback(self._wires.discard)

    async def _return_of(self, actor: str) -> None:
        while True:
            with suppress(OSError):
                _, writer = await self._connect(actor)
                writer.transport.abort()
                return
            await asyncio.sleep(LOOKED_FOR_EVERY_S)

    async def _wire(self, call: Way, connection: socket.socket, is_gone: asyncio.Event) -> None:
        ends: list[asyncio.StreamWriter] = []
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
            ends.append(writer)
            try:
                far_reader, far_writer = await self._connect(call[1])
            except OSError:
                is_gone.set()
                raise
            ends.append(far_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(call, call, reader, far_writer))
                both.create_task(self._carry(call, call[::-1], far_reader, writer))
        except* OSError:  # The one end is gone, or what was under way is: so is the other end.
            pass
        finally:
            for end in ends:
                end.transport.abort()
            self._taken.discard(connection)

    async def _connect(self, actor: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if path := self._sockets.get(actor):
            return await asyncio.open_unix_connection(path)
        host, _, port = self._addresses[actor].rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def _carry(self, call: Way, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What comes in at one end goes out at the other, in order; raises OSError if it can't."""
        while data := await reader.read(CHUNK):
            await self._travel(call, way)
            writer.write(data)
            await writer.drain()
            self.carried[way] += 1
        await self._travel(call, way)
        with suppress(RuntimeError):  # It is being closed from the other side.
            writer.write_eof()

    async def _travel(self, call: Way, way: Way) -> None:
        """Returns upon arrival; raises Lost."""
        troubles = self._on(call, way)
        if any(trouble.is_blocked for trouble in troubles):
            self.held[way] += 1
            while any(trouble.is_blocked for trouble in self._on(call, way)):
                await self._changed.wait()
            if self._rng.random() > DELIVERED_LATE:
                self._lose(way)
        for trouble in troubles:
            if self._rng.random() < trouble.loss:
                self._lose(way)
        if delay_s := sum(trouble.delay_s for trouble in troubles):
            self.delayed[way] += 1
            await asyncio.sleep(self._rng.uniform(0, delay_s))

    def _on(self, call: Way, way: Way) -> list[Trouble]:
        return [one for one in self.troubles if way in one.ways and (not one.wires or call in one.wires)]

    def _lose(self, way: Way) -> None:
        self.lost[way] += 1
        raise Lost(f"from {way[0]} to {way[1]}")


def _services(call: Way) -> Way:
    caller, called = (actor.partition("-")[0] for actor in call)
    return caller, called


def _free_port() -> socket.socket:
    """Holds a port, so that nobody else gets it while nobody listens there."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


def _listener(port: socket.socket) -> socket.socket:
    """Listens at once: who connects before the loop runs waits."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(port.getsockname())
    listener.setblocking(False)
    listener.listen(128)
    return listener
