"""What the console of `manage.py runserver` says of requests: those of people, once."""

import logging
import socket
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer, get_internal_wsgi_application

from bookstore_project.api import headers
from bookstore_project.nodes.access_log import access_log
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.urls("catalog_app.urls")


class Console(logging.Handler):
    """The lines that come through."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def console() -> Iterator[Console]:
    """Of both loggers that know of requests."""
    made = Console()
    loggers = (access_log, logging.getLogger("django.server"))
    for logger in loggers:
        logger.addHandler(made)
    yield made
    for logger in loggers:
        logger.removeHandler(made)


@pytest.fixture
def address(empty_store: object) -> Iterator[tuple[str, int]]:
    """Of Django's own server, with a replica's routes behind it."""
    server = WSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(get_internal_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield "127.0.0.1", server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def ask(address: tuple[str, int], line: str, *more: str) -> None:
    """One request on a connection of its own; returns when it was answered, and logged."""
    with socket.create_connection(address, timeout=PATIENCE_S) as connection:
        head = [line, "Host: localhost", "Connection: close", *more]
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/readyz/?from=front", "/static/api/pages.css"])
def test_what_machines_ask_all_the_time_is_no_line(address: tuple[str, int], console: Console, path: str) -> None:
    ask(address, f"GET {path} HTTP/1.1")
    assert console.lines == []


def test_internal_polls_are_no_lines(address: tuple[str, int], console: Console) -> None:
    ask(address, "GET /internal/status/ HTTP/1.1", f"{headers.SERVICE_TOKEN}: {settings.SERVICE_TOKEN}")
    assert console.lines == []


def test_a_request_of_a_person_is_one_line(address: tuple[str, int], console: Console) -> None:
    ask(address, "GET /no/such/page HTTP/1.1")
    (line,) = console.lines
    assert line.startswith("GET /no/such/page 404 ")


def test_a_failed_check_is_a_line(address: tuple[str, int], console: Console) -> None:
    ask(address, "GET /internal/status/ HTTP/1.1")
    (line,) = console.lines
    assert line.startswith("GET /internal/status/ 401 ")


def test_what_the_server_refuses_by_itself_is_still_said(address: tuple[str, int], console: Console) -> None:
    ask(address, "GET / / HTTP/9.9.9")
    assert any(line.startswith("code 400, message Bad request") for line in console.lines)
