"""When a node counts as hung: by checks that failed in a row, made by a watcher that came in time."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable, Iterator

import pytest

from bookstore_project.cluster import readiness
from bookstore_project.cluster.watchdog import Watchdog
from bookstore_project.settings import topology

HUNG_AFTER_S = 30.0
ANSWER, SILENCE = False, True


class WatchedNode:
    """A node that answers each check as told, and the time that passes meanwhile. It ends with LookupError."""

    def __init__(self, silences: Iterable[bool], *, asleep_s: dict[int, float] | None = None) -> None:
        self.now = 1000.0
        self.checks = 0
        self._silences = iter(silences)
        self._asleep_s = asleep_s or {}
        """During the pause after the check of that number, the machine sleeps so much longer."""

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self._asleep_s.get(self.checks, 0.0)

    async def is_silent(self, timeout_s: float) -> bool:
        silent = next(self._silences, None)
        if silent is None:
            raise LookupError
        self.checks += 1
        self.now += timeout_s if silent else 0.001
        return silent

    def hung_at(self, *, is_up: bool = False) -> int | None:
        """The number of the check with which it was found hung, if it was."""
        watchdog = Watchdog(HUNG_AFTER_S, self.is_silent, is_up=lambda: is_up, clock=self.clock, sleep=self.sleep)
        try:
            asyncio.run(watchdog.until_hung())
        except LookupError:
            return None
        return self.checks


def test_a_node_that_falls_silent_is_hung_after_that_time() -> None:
    node = WatchedNode([ANSWER, *[SILENCE] * 20])
    assert node.hung_at() == 7
    assert node.now - 1000.0 == pytest.approx(HUNG_AFTER_S + 2 * HUNG_AFTER_S / 6)  # Of an answer before.


def test_a_node_that_answers_in_between_is_not_hung() -> None:
    assert WatchedNode([ANSWER, *[*[SILENCE] * 5, ANSWER] * 10]).hung_at() is None
    assert WatchedNode([ANSWER, *[SILENCE] * 5, ANSWER, *[SILENCE] * 20]).hung_at() == 13


def test_a_node_that_starts_for_long_is_not_hung() -> None:
    assert WatchedNode([SILENCE] * 100).hung_at() is None


def test_a_node_that_was_ready_and_never_met_an_answering_check_is_hung() -> None:
    """It was stopped between its announcement and the next check."""
    assert WatchedNode([SILENCE] * 20).hung_at(is_up=True) == 6


@pytest.mark.parametrize("check", range(2, 8))
def test_the_time_that_a_machine_slept_is_not_held_against_its_nodes(check: int) -> None:
    node = WatchedNode([ANSWER, *[SILENCE] * 20], asleep_s={check: 600.0})
    assert node.hung_at() == check + 6


def test_a_watcher_that_is_always_late_kills_nobody() -> None:
    late = dict.fromkeys(range(100), 1.0)
    assert WatchedNode([ANSWER, *[SILENCE] * 50], asleep_s=late).hung_at() is None


def test_zero_is_never() -> None:
    node = WatchedNode([ANSWER, *[SILENCE] * 50])

    async def watch() -> bool:
        until_hung = asyncio.create_task(Watchdog(0, node.is_silent, clock=node.clock, sleep=node.sleep).until_hung())
        for _ in range(100):
            await asyncio.sleep(0)
        ended = until_hung.done()
        until_hung.cancel()
        return ended

    assert not asyncio.run(watch())
    assert node.checks == 0


# ------------------------------------------------------------------------------------------- what silence is


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def node_at(listener: socket.socket) -> topology.Node:
    host, port = listener.getsockname()
    return topology.Node("catalog-1", topology.CATALOG, host, port, threads=1)


def answering(listener: socket.socket, answer: bytes) -> Callable[[], None]:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += connection.recv(4096)
            assert asked.startswith(b"GET /healthz HTTP/1.1\r\n")
            connection.sendall(answer)

    return serve


@pytest.mark.parametrize(("answer", "silent"), [(b"HTTP/1.1 503 Unavailable\r\n\r\n", False), (b"", True)])
def test_any_answer_breaks_the_silence(listener: socket.socket, answer: bytes, silent: bool) -> None:
    async def ask() -> bool:
        serving = asyncio.create_task(asyncio.to_thread(answering(listener, answer)))
        found = await readiness.is_silent(node_at(listener), 20.0)
        await serving
        return found

    assert asyncio.run(ask()) is silent


def test_a_node_that_accepts_and_says_nothing_is_silent(listener: socket.socket) -> None:
    """As one that is stopped: the kernel completes the connection."""
    assert asyncio.run(readiness.is_silent(node_at(listener), 0.05))


def test_a_node_that_refuses_is_silent(listener: socket.socket) -> None:
    node = node_at(listener)
    listener.close()
    assert asyncio.run(readiness.is_silent(node, 20.0))


def test_what_keeps_the_watcher_from_asking_is_no_silence(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_descriptors(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio, "open_connection", no_descriptors)
    assert not asyncio.run(readiness.is_silent(node_at(listener), 20.0))
