"""The front passes a file on whole: from a replica that has all of it, or not at all."""

import http.server
import io
import threading
from collections.abc import Iterator
from typing import IO, Any

import pytest
from django.test import Client

from bookstore_project.api import headers
from bookstore_project.api.tests.api import make_staff
from bookstore_project.nodes import client, connections
from bookstore_project.settings.topology import ORDER, Node
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes

PATH = "/api/v1/orders/export/"
BODY = b"order,number\r\n" + b"x" * 300_000


class Replicas(http.server.ThreadingHTTPServer):
    """An order replica on a port of its own; what it is asked, and how many of its answers are cut short."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cut = 0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.status = 200


class Handler(http.server.BaseHTTPRequestHandler):
    server: Replicas

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        is_cut, self.server.cut = self.server.cut > 0, self.server.cut - 1
        self.wfile.write(BODY[: len(BODY) // 2] if is_cut else BODY)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def replicas() -> Iterator[Replicas]:
    with Replicas() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def front(db: None, replicas: Replicas) -> Iterator[Front]:
    def call(node: Node, method: str, path: str, **options: Any) -> client.Reply:
        host, port = replicas.server_address[:2]
        return client.call(Node(node.name, ORDER, str(host), int(port), 8), method, path, **options)

    made = fakes.make_front(fakes.Store())
    made.order.balancer.call = call
    with serving(made) as front:
        yield front


@pytest.fixture
def ann(client: Client) -> Client:
    client.force_login(make_staff("ann", "shop assistants"))
    return client


def test_it_comes_whole_and_says_where_from(ann: Client, replicas: Replicas) -> None:
    answer = ann.get(f"{PATH}?status=collected&format=csv")
    assert answer.getvalue() == BODY
    assert (answer["Content-Length"], answer["Content-Type"]) == (str(len(BODY)), "text/csv; charset=utf-8")
    assert answer[headers.REPLICA] in ("order-1", "order-2")
    ((path, sent),) = replicas.asked
    assert (path, sent[headers.ACTING_USER]) == (f"{PATH}?status=collected", "ann")


def test_one_that_is_cut_short_is_fetched_from_the_other_replica(ann: Client, replicas: Replicas) -> None:
    replicas.cut = 1
    assert ann.get(PATH).getvalue() == BODY
    assert len(replicas.asked) == 2


def test_half_of_one_is_not_passed_on(ann: Client, replicas: Replicas) -> None:
    replicas.cut = 9
    assert ann.get(PATH).status_code == 503


def test_who_may_not_see_orders_gets_none(client: Client, replicas: Replicas) -> None:
    assert client.get(PATH).status_code == 401
    client.force_login(make_staff("eve"))
    assert client.get(PATH).status_code == 403
    assert replicas.asked == []


def test_what_goes_into_a_file_is_not_in_memory(replicas: Replicas) -> None:
    class Counting:
        """A file that notes how much it is given at a time."""

        sizes: list[int] = []

        def write(self, piece: bytes) -> None:
            self.sizes.append(len(piece))

        def seek(self, place: int) -> None: ...

        def truncate(self) -> None: ...

    host, port = replicas.server_address[:2]
    into: Any = Counting()
    reply = client_call(Node("order-1", ORDER, str(host), int(port), 8), into)
    assert (reply.body, sum(into.sizes)) == (b"", len(BODY))
    assert max(into.sizes) <= connections.PIECE_BYTES


def test_what_an_attempt_before_has_left_in_the_file_is_gone(replicas: Replicas) -> None:
    host, port = replicas.server_address[:2]
    into = io.BytesIO(b"y" * 2 * len(BODY))
    client_call(Node("order-1", ORDER, str(host), int(port), 8), into)
    assert into.getvalue() == BODY


def client_call(node: Node, into: IO[bytes]) -> client.Reply:
    return client.call(node, "GET", PATH, timeout_s=5.0, into=into)
