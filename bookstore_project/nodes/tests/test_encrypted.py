"""Calls to nodes that speak TLS; tests/cluster/test_tls.py has a whole store of them."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from bookstore_project.nodes import client
from bookstore_project.nodes.client import NeverSent
from bookstore_project.settings import tls
from bookstore_project.settings.topology import Node
from tests.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def _encrypting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tls, "context", ssl.create_default_context)
    client._pool.cache_clear()
    yield
    client._pool.cache_clear()


def hang_up(connection: socket.socket) -> None:
    connection.close()


def talk_plainly(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.close()


def say_nothing(connection: socket.socket) -> None:
    connection.recv(65536)


@pytest.mark.parametrize("greet", [hang_up, talk_plainly, say_nothing])
def test_what_fails_before_both_sides_know_one_another_was_never_sent(
    greet: Callable[[socket.socket], None],
) -> None:
    """So it may be made again, elsewhere, whatever it is."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            kept.append(connection)
            greet(connection)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        node = Node("catalog-1", "catalog", "127.0.0.1", listener.getsockname()[1], threads=1)
        with pytest.raises(NeverSent, match="comes to no TLS"):
            client.call(node, "POST", "/internal/sales/", body=b"{}", timeout_s=PATIENCE_S)
        server.join(PATIENCE_S)
    for connection in kept:
        connection.close()
