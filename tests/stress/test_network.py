"""The network of the harness, between two ends that say everything back."""

import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.stress.network import Network, Trouble, Way
from tests.stress.run import wiring
from tests.waiting import PATIENCE_S, wait_for

ASK, ANSWER = ("front", "catalog"), ("catalog", "front")


class Echo(threading.Thread):
    """Says back what it hears, to any number of clients one after another; keeps what it heard."""

    def __init__(self, path: Path | None = None) -> None:
        """Listens at a Unix socket, if one is named."""
        super().__init__(daemon=True)
        self.heard: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listener.bind(str(path) if path else ("127.0.0.1", 0))
        self._listener.listen()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=self._listener.accept()[:1], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(100):
                self.heard.append(data)
                connection.sendall(data)

    def close(self) -> None:
        with suppress(OSError):  # It is closed already.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    server.start()
    yield server
    server.close()


@pytest.fixture
def network(echo: Echo) -> Iterator[Network]:
    with Network([ASK], {"catalog": echo.address}, "seed") as running:
        yield running


def connect(network: Network, caller: str = "front") -> socket.socket:
    (address,) = network.routes()[caller].values()
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def blocked(*ways: Way) -> Trouble:
    return Trouble("partition", frozenset(ways), is_blocked=True)


def hold(network: Network, trouble: Trouble, way: Way, client: socket.socket) -> None:
    """Says something that is held up on that way."""
    network.begin(trouble)
    client.sendall(b"held")
    wait_for(lambda: network.held[way] == 1, PATIENCE_S, "something is held")


def test_what_is_said_arrives_and_is_answered(network: Network, echo: Echo) -> None:
    with connect(network) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
    assert echo.heard == [b"hello"]
    wait_for(lambda: network.carried[ANSWER] == 1)
    assert network.carried[ASK] == 1


def test_connections_whose_turn_comes_with_the_end_are_closed(echo: Echo) -> None:
    """A socket that is left open is a warning, and a warning is an error."""
    for _ in range(10):
        with Network([ASK], {"catalog": echo.address}, "seed") as network, ExitStack() as clients:
            is_over = threading.Event()
            network.call(is_over.wait)
            for _ in range(20):
                clients.enter_context(connect(network)).sendall(b"hello")
            network.end()
            is_over.set()
    gc.collect()


def test_wires_that_nobody_uses_are_told_of_as_kinds_of_parties(echo: Echo) -> None:
    calls = [(f"front-{number}", f"catalog-{other}") for number in (1, 2) for other in (1, 2)]
    addresses = {"catalog-1": echo.address, "catalog-2": echo.address}
    with Network([*calls, ("order-1", "catalog-1")], addresses, "seed") as network:
        assert network.silent() == {("front", "catalog"), ("order", "catalog")}
        with connect(network, "front-1") as client:
            client.sendall(b"hello")
            client.recv(100)
        wait_for(lambda: network.silent() == {("order", "catalog")})


def test_a_trouble_has_begun_once_it_is_told(network: Network) -> None:
    for trouble in [blocked(ASK) for _ in range(100)]:
        network.begin(trouble)
        assert network.troubles == [trouble]
        network.take_back([trouble])
        assert network.troubles == []


def test_nothing_of_a_question_arrives_while_its_way_is_blocked(network: Network, echo: Echo) -> None:
    with connect(network) as client:
        hold(network, blocked(ASK), ASK, client)
        assert (echo.heard, network.carried.total()) == ([], 0)


def test_a_question_arrives_whose_answer_is_blocked(network: Network, echo: Echo) -> None:
    with connect(network) as client:
        hold(network, blocked(ANSWER), ANSWER, client)
        assert echo.heard == [b"held"]
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)


def test_who_is_unreachable_to_calls_still_hears_the_answers_to_its_own(echo: Echo) -> None:
    there, back = ("catalog", "front"), ("front", "catalog")
    unreachable = Trouble("unreachable", frozenset({there}), frozenset({there}), is_blocked=True)
    with Network([there, back], {"catalog": echo.address, "front": echo.address}, "seed") as network:
        network.begin(unreachable)
        with connect(network, "catalog") as push, connect(network, "front") as poll:
            push.sendall(b"push")
            wait_for(lambda: network.held[there])
            poll.sendall(b"poll")
            assert poll.recv(100) == b"poll"
    assert echo.heard == [b"poll"]


def test_of_what_was_held_some_arrives_late_and_some_never(network: Network, echo: Echo) -> None:
    trouble = blocked(ASK)
    clients = [connect(network) for _ in range(20)]
    network.begin(trouble)
    for client in clients:
        client.sendall(b"held")
    wait_for(lambda: network.held[ASK] == len(clients), PATIENCE_S)
    network.take_back([trouble])
    answers = []
    for client in clients:
        with client:
            try:
                answers.append(client.recv(100))
            except ConnectionResetError:
                answers.append(b"")
    assert set(answers) == {b"held", b""}
    assert answers.count(b"held") == len(echo.heard)
    assert answers.count(b"") == network.lost[ASK]


def test_what_was_held_arrives_though_nobody_waits_for_it(network: Network, echo: Echo) -> None:
    trouble = blocked(ASK)
    clients = [connect(network) for _ in range(20)]
    network.begin(trouble)
    for client in clients:
        with client:
            client.sendall(b"held")
    wait_for(lambda: network.held[ASK] == len(clients), PATIENCE_S)
    network.take_back([trouble])
    wait_for(lambda: network.lost[ASK] + len(echo.heard) == len(clients), PATIENCE_S)
    assert echo.heard


def test_what_is_lost_is_lost_with_its_connection(network: Network, echo: Echo) -> None:
    network.begin(Trouble("drops", frozenset({ASK}), loss=1))
    with connect(network) as client:
        client.sendall(b"lost")
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
    assert network.lost[ASK] == 1
    assert echo.heard == []


def test_a_delay_keeps_what_is_said(network: Network, echo: Echo) -> None:
    network.begin(Trouble("delays", frozenset({ASK}), delay_s=1e6))
    with connect(network) as client:
        client.sendall(b"later")
        wait_for(lambda: network.delayed[ASK])
        assert (echo.heard, network.carried.total()) == ([], 0)


def test_a_delay_passes_everything_in_order(network: Network, echo: Echo) -> None:
    network.begin(Trouble("delays", frozenset({ASK, ANSWER}), delay_s=0.01))
    said = b"".join(b"%03d" % number for number in range(300))
    with connect(network) as client:
        for start in range(0, len(said), 30):
            client.sendall(said[start : start + 30])
        heard = b""
        while len(heard) < len(said):
            heard += client.recv(100)
    assert heard == said


def test_connections_to_a_party_that_is_gone_are_refused_until_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sock"

    def says_hello(network: Network) -> bool:
        with suppress(OSError), connect(network) as client:
            client.sendall(b"hello")
            return client.recv(100) == b"hello"
        return False

    with Network([ASK], {"catalog": "127.0.0.1:1"}, "seed", {"catalog": path}) as network:
        for _ in range(2):
            assert not says_hello(network)
            wait_for(lambda: is_refused(network))
            server = Echo(path)
            server.start()
            wait_for(lambda: says_hello(network))
            server.close()
            path.unlink()


def is_refused(network: Network) -> bool:
    try:
        connect(network).close()
    except ConnectionRefusedError:
        return True
    return False


def found_by(node: str, address: str, network: Network) -> str:
    """What a node's process finds when it looks up that address."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import socket, sys; print(*socket.getaddrinfo(*sys.argv[1].split(':'))[0][4], sep=':')",
            address,
        ],
        env=os.environ | wiring(network) | {"BOOKSTORE_NODE": node},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_node_finds_the_others_through_its_own_wires_alone() -> None:
    address = "127.0.0.1:8001"
    with Network([ASK, ("order", "catalog")], {"catalog": address}, "seed") as network:
        routes = network.routes()
        assert routes["front"] != routes["order"]
        assert found_by("front", address, network) == routes["front"][address]
        assert found_by("order", address, network) == routes["order"][address]
        assert found_by("front", "127.0.0.1:8002", network) == "127.0.0.1:8002"
        assert found_by("", address, network) == address


def test_a_party_may_listen_at_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "cache.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(PATIENCE_S)
        with (
            Network([("front", "cache")], {"cache": "cache.test:6379"}, "seed", {"cache": path}) as network,
            connect(network) as client,
        ):
            accepted, _ = listener.accept()
            with accepted:
                client.sendall(b"hello")
                assert accepted.recv(100) == b"hello"
