"""A way to a node on which answers can get lost, whole or their cookies: the requests arrive all the same."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.store import Store

CHUNK = 64 * 1024
SET_COOKIE = re.compile(rb"\r\nset-cookie:", re.IGNORECASE)


class LossyProxy:
    """One thread for each connection and direction; `url` in place of the node's own."""

    def __init__(self, store: Store, node: str) -> None:
        self._store, self._node = store, node
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.loses_answers_to: bytes | None = None
        """Requests that begin so are carried out, and their connections cut when the answer comes."""
        self.loses_cookies = False
        """As it is for a browser that keeps none."""
        self.lost = 0
        """Answers, so far."""
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._store.connect(self._node)
                is_doomed = threading.Event()
                for task in (self._ask, self._answer):
                    threading.Thread(target=task, args=(client, server, is_doomed), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, client: socket.socket, server: socket.socket, is_doomed: threading.Event) -> None:
        with suppress(OSError):
            while chunk := client.recv(CHUNK):
                if self.loses_answers_to and chunk.startswith(self.loses_answers_to):
                    is_doomed.set()
                server.sendall(chunk)
        _end(server)

    def _answer(self, client: socket.socket, server: socket.socket, is_doomed: threading.Event) -> None:
        with suppress(OSError):
            while chunk := server.recv(CHUNK):
                if is_doomed.is_set():
                    self.lost += 1
                    break
                client.sendall(SET_COOKIE.sub(b"\r\nX-No-Cookie:", chunk) if self.loses_cookies else chunk)
        _end(client)
        _end(server)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def lossy_proxy(store: Store, node: str = "front") -> Iterator[LossyProxy]:
    proxy = LossyProxy(store, node)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()
