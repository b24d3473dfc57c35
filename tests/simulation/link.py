"""Messages between the simulator and a process."""

import marshal
import socket
from typing import Any

Message = tuple[Any, ...]
_LENGTH = 4
_USUAL_BYTES = 1 << 16


class Ended(Exception):
    """The other side of the link is gone."""


class Link:
    """Messages between the simulator and a process."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: Message) -> None:
        packed = marshal.dumps(message)
        self._socket.sendall(len(packed).to_bytes(_LENGTH, "little") + packed)

    def receive(self) -> Message:
        """Raises Ended, TimeoutError. Who has sent something waits for an answer: there is never more than one."""
        read = self._read(_USUAL_BYTES)
        length = int.from_bytes(read[:_LENGTH], "little") + _LENGTH
        while len(read) < length:
            read += self._read(length - len(read))
        message: Message = marshal.loads(memoryview(read)[_LENGTH:])
        return message

    def _read(self, count: int) -> bytes:
        try:
            piece = self._socket.recv(count)
        except ConnectionResetError as error:
            raise Ended from error
        except BlockingIOError as error:  # As SO_RCVTIMEO has it.
            raise TimeoutError from error
        if not piece:
            raise Ended
        return piece

    def close(self) -> None:
        self._socket.close()
