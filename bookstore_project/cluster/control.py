"""The supervisor's end of the control socket (see nodes.supervisor_client): who may ask, and what is done."""

import asyncio
import json
import os
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bookstore_project import files
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.keeper import Keeper, NotRunning
from bookstore_project.nodes import supervisor_client
from bookstore_project.nodes.supervisor_client import COMMANDS, LONGEST_BYTES, LONGEST_WAIT_S, STATES

ASKING_TIMEOUT_S = 5.0
LONGEST_DELAY_S = 2.0


class ControlSocket:
    """Open between `open` and `close`. For the supervisor's event loop."""

    def __init__(self, keepers: Mapping[str, Keeper], console: Console, path: Path | None = None) -> None:
        self._keepers = keepers
        self._console = console
        self._path = path or supervisor_client.SOCKET
        self._server: asyncio.Server | None = None
        self._delayed: set[asyncio.Task[str]] = set()
        self._changed = asyncio.Event()
        """Set, and replaced by another one, when a node has another state."""
        for keeper in keepers.values():
            keeper.on_change = self._note_change

    async def open(self) -> None:
        """The supervisor's lock is held: a socket that is there is a dead one's. Says so if it can't be opened."""
        try:
            files.make_folder(self._path.parent)
            files.remove(self._path)
            listener = _listen(self._path)
        except OSError as error:
            self._console.line(
                f"Nodes can't be controlled: {self._path} can't be opened ({error.strerror or error})."
            )
            return
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_BYTES)

    async def reopen_if_gone(self) -> None:
        """Whoever tidied up around the socket, nodes can be controlled again."""
        if self._server is None or self._path.is_socket():
            return
        self._server.close()
        self._server = None
        await self.open()

    def close(self) -> None:
        for task in self._delayed:
            task.cancel()
        if self._server is not None:
            self._server.close()
            with suppress(OSError):
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            told = await self._answer(reader, writer)
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError):
            pass  # Whoever asked is gone, or asks nothing.
        except asyncio.CancelledError:
            pass  # The store stops while somebody waits. It ends here; asyncio would print what it was cancelled by.
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
        try:
            line = await asyncio.wait_for(reader.readline(), ASKING_TIMEOUT_S)
            if not _is_ours(writer.get_extra_info("socket")):
                return _refused("Only the user who runs the store may control it.")
            asked = json.loads(line)
            command, name = asked["command"], asked.get("node")
            by, after_s = str(asked.get("by", ""))[:100], float(asked.get("after_s", 0))
            wait_s = float(asked.get("wait_s", 0))
            if not (0 <= after_s <= LONGEST_DELAY_S and 0 <= wait_s <= LONGEST_WAIT_S):
                raise ValueError(line)
        except (ValueError, KeyError, TypeError, AttributeError):
            return _refused("Expected a line of JSON with `command` and `node`.")
        if command == STATES:
            return {"ok": True, "states": await self._states(asked.get("known"), wait_s)}
        keeper = self._keepers.get(name) if isinstance(name, str) else None
        if command not in COMMANDS or keeper is None:
            return _refused(f"Commands are {', '.join(COMMANDS)}; nodes are {', '.join(self._keepers)}.")
        self._console.line(f"{name}: {command}, as asked{f' by {by}' if by.isprintable() and by else ''}")
        if after_s > 0:
            task = asyncio.create_task(_later(after_s, keeper, command))
            self._delayed.add(task)
            task.add_done_callback(self._delayed.discard)
            return {"ok": True, "detail": f"{name}: {command} in {after_s:g} s."}
        try:
            return {"ok": True, "detail": await keeper.obey(command)}
        except NotRunning as error:
            return _refused(str(error))

    async def _states(self, known: object, wait_s: float) -> dict[str, str]:
        """Other ones than those that are known, or after that time the same."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self._states_now() == known:
                    await self._changed.wait()
        return self._states_now()

    def _states_now(self) -> dict[str, str]:
        return {name: keeper.state for name, keeper in self._keepers.items()}

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _later(after_s: float, keeper: Keeper, command: str) -> str:
    await asyncio.sleep(after_s)
    try:
        return await keeper.obey(command)
    except NotRunning as error:
        return str(error)


def _refused(detail: str) -> dict[str, Any]:
    return {"ok": False, "detail": detail}


def _listen(path: Path) -> socket.socket:
    """A socket that its owner alone may open, from the first moment on."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with supervisor_client.address_of(path) as address:
            listener.bind(address)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    listener.listen()
    return listener


def _is_ours(line: Any) -> bool:
    """Whether the other end is of this user, or root. Where the kernel can't tell, the socket's mode has to do."""
    if sys.platform != "linux":
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return uid in (os.geteuid(), 0)
