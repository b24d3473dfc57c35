"""The timetable in C, over real sockets: what came of each request, and when."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from benchmarks.report import timetable
from benchmarks.report.generator import NO_ANSWER, Run
from benchmarks.report.wire import Request, request
from tests.programs import require
from tests.report.network import answer
from tests.waiting import wait_for

RATE = 100.0
CONNECTIONS = 2
Behave = Callable[[int, socket.socket], None]
"""What is done about which request, by number."""


def numbered() -> Iterator[Request]:
    return (request("query", "GET", f"/product/{number}", book=number) for number in itertools.count())


@contextmanager
def server(behave: Behave) -> Iterator[str]:
    """Serves each connection on a thread of its own; who closes a connection is given another one."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while connection.fileno() >= 0 and (heard := connection.recv(4096)):
                behave(int(heard.split()[1].rpartition(b"/")[2]), connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield "{}:{}".format(*listening.getsockname())
        listening.shutdown(socket.SHUT_RDWR)  # ends accept()
        thread.join()


def require_compiled() -> None:
    require(timetable.COMPILER, "build-essential")
    assert timetable.compiled(timetable.COMPILER) is not None


def ask(behave: Behave, count: int) -> Run:
    require_compiled()
    with server(behave) as address:
        return timetable.kept(address, numbered(), rate=RATE, seconds=count / RATE)


def test_each_answer_is_that_of_its_request() -> None:
    said = [answer(status=200 + number, cache="hit", replica=f"catalog-{number}") for number in range(20)]
    run = ask(lambda number, connection: connection.sendall(said[number]), len(said))
    assert [(each.status, each.cache, each.replica) for each in run.samples] == [
        (200 + number, "hit", f"catalog-{number}") for number in range(20)
    ]
    assert 0 < run.cost_s < run.samples[-1].done_s
    assert [(each.kind, each.book) for each in run.samples] == [("query", number) for number in range(20)]


def test_answers_come_in_pieces_of_any_size() -> None:
    said = answer(b"x" * 300_000)

    def behave(number: int, connection: socket.socket) -> None:
        for piece in (said[:50], said[50:70], said[70:]):
            connection.sendall(piece)

    require_compiled()
    with server(behave) as address:
        run = timetable.kept(address, numbered(), rate=RATE, seconds=0.06, look=lambda _, reply: len(reply.body))
    assert [each.shown for each in run.samples] == [300_000] * 6


def test_who_is_hung_up_on_has_no_answer_and_asks_again_on_another_connection() -> None:
    def behave(number: int, connection: socket.socket) -> None:
        if number in (1, 2):
            connection.sendall(answer()[: 10 * (number - 1)])
            connection.close()
        else:
            connection.sendall(answer(status=404 if number == 3 else 200))

    run = ask(behave, 12)
    assert [each.status for each in run.samples] == [200, NO_ANSWER, NO_ANSWER, 404, *[200] * 8]
    assert run.failed == 2


def test_nobody_there_is_no_answer() -> None:
    require_compiled()
    with closing(socket.create_server(("127.0.0.1", 0))) as there:
        address = "{}:{}".format(*there.getsockname())
    run = timetable.kept(address, numbered(), rate=RATE, seconds=0.05)
    assert [each.status for each in run.samples] == [NO_ANSWER] * 5


def test_the_next_one_is_asked_while_one_waits() -> None:
    is_next_here = threading.Event()

    def behave(number: int, connection: socket.socket) -> None:
        if number == 0:
            is_next_here.wait()
        if number == CONNECTIONS - 1:
            is_next_here.set()
        connection.sendall(answer())

    run = ask(behave, 6)
    assert run.failed == 0
    assert run.samples[0].done_s > run.samples[CONNECTIONS - 1].sent_s


def test_time_runs_from_when_a_request_was_due_also_while_its_connection_waits() -> None:
    have_all_asked = threading.Barrier(CONNECTIONS)

    def behave(number: int, connection: socket.socket) -> None:
        if number < CONNECTIONS:
            have_all_asked.wait()  # All connections wait, so whoever is due waits, too.
        connection.sendall(answer())

    run = ask(behave, 6 * CONNECTIONS)
    assert run.failed == 0
    assert [each.due_s for each in run.samples] == pytest.approx([number / RATE for number in range(12)])
    for before, after in zip(run.samples, run.samples[CONNECTIONS:], strict=False):
        assert before.done_s <= after.sent_s < after.done_s
        assert after.took_ms >= 1000 * (before.done_s - after.due_s)


def test_an_answer_that_lies_there_has_come_when_it_came() -> None:
    """It is read no sooner than its connection's next request is due: the one after the next."""
    sent: dict[int, tuple[float, float]] = {}

    def behave(number: int, connection: socket.socket) -> None:
        before = time.perf_counter()
        connection.sendall(answer())
        sent[number] = (before, time.perf_counter())

    run = ask(behave, 8)
    wait_for(lambda: len(sent) == 8, what="the last one to say that it has answered")
    for sample in run.samples:
        before, after = sent[sample.book]
        assert before - 0.0005 <= run.began + sample.done_s <= after + 0.0005


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_compiler_that_works_it_is_done_in_python(monkeypatch: pytest.MonkeyPatch, compiler: str) -> None:
    monkeypatch.setattr(timetable, "COMPILER", compiler)
    with server(lambda number, connection: connection.sendall(answer(status=200 + number % 2))) as address:
        run = timetable.kept(address, numbered(), rate=RATE, seconds=0.04)
    assert sorted(each.status for each in run.samples) == [200, 200, 201, 201]
