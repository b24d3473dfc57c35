"""The load generator reports what a store with known latencies, losses and stale answers did, and nothing else."""

import itertools
import json
import socket
import threading
from collections import Counter
from contextlib import closing

import pytest

from benchmarks.percentile import percentile
from benchmarks.report import judging
from benchmarks.report.generator import NO_ANSWER, Run, closed_loop, open_loop
from benchmarks.report.wire import Reply, Request, Sockets, is_whole, read_reply, request
from tests.report.network import Answered, FakeStore, answer

READ = request("query", "GET", "/product/1", book=1)
BUY = request("purchase", "POST", "/purchase/1", book=1)


def quantity(asked: Request, reply: Reply) -> int | None:
    return int(json.loads(reply.body)["quantity"]) if asked.kind == "query" and reply.status == 200 else None


def test_an_open_loop_finds_known_latencies_failures_and_losses() -> None:
    def behave(number: int, now: float, data: bytes) -> Answered:
        if number % 20 == 19:
            return Answered(0.002)
        return Answered(0.050 if number % 10 == 0 else 0.004, answer(status=503 if number % 25 == 1 else 200))

    run = open_loop(FakeStore(behave), itertools.repeat(READ), rate=100, seconds=10)
    assert Counter(sample.status for sample in run.samples) == {200: 910, 503: 40, NO_ANSWER: 50}
    assert run.failed == 90
    slow = [sample.took_ms for sample in run.answered if sample.took_ms > 10]
    assert len(slow) == 100
    assert slow == pytest.approx([50] * 100, abs=0.01)
    assert percentile([sample.took_ms for sample in run.answered], 0.5) == pytest.approx(4, abs=0.01)
    assert run.rate == 91


@pytest.mark.parametrize(("is_open", "felt"), [(True, 100), (False, 1)])
def test_a_store_that_stood_still_is_felt_by_all_who_were_due(is_open: bool, felt: int) -> None:
    """The closed loop is the counterexample: whoever waits asks nothing, and one customer alone has noticed."""

    def behave(number: int, now: float, data: bytes) -> Answered:
        return Answered(2.0 - now if 1.0 <= now < 2.0 else 0.001, answer())

    store, reads = FakeStore(behave, serves=1), itertools.repeat(READ)
    run = open_loop(store, reads, rate=100, seconds=4) if is_open else closed_loop(store, reads, clients=1, seconds=4)
    waited = [sample for sample in run.samples if sample.took_ms > 10]
    assert len(waited) == pytest.approx(felt, abs=12 if is_open else 0)
    assert max(sample.took_ms for sample in waited) == pytest.approx(1000, abs=10)
    if is_open:
        assert len(run.samples) == 400
        assert sum(each.sent for each in judging.bins(run.samples, 4)) == 400


def test_what_waits_for_a_connection_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.report.generator.CONNECTIONS", 1)
    run = open_loop(FakeStore(lambda *_: Answered(0.1, answer())), itertools.repeat(READ), rate=100, seconds=0.1)
    took = sorted(sample.took_ms for sample in run.samples)
    assert took == pytest.approx([100 + 90 * number for number in range(10)], abs=12)
    assert [sample.due_s for sample in run.samples] == pytest.approx([number / 100 for number in range(10)])


def test_a_closed_loop_has_so_many_on_their_way_and_thinks() -> None:
    busy = closed_loop(FakeStore(lambda *_: Answered(0.01, answer())), itertools.repeat(READ), clients=4, seconds=5)
    assert busy.rate == pytest.approx(400, rel=0.01)
    thinking = closed_loop(
        FakeStore(lambda *_: Answered(0.01, answer())), itertools.repeat(READ), clients=4, seconds=50, think_s=0.09
    )
    assert thinking.rate == pytest.approx(40, rel=0.15)
    assert percentile([sample.took_ms for sample in thinking.samples], 0.9) == pytest.approx(10, abs=0.1)


def test_a_closed_loop_ends_after_so_many() -> None:
    store = FakeStore(lambda *_: Answered(0.01, answer()))
    assert len(closed_loop(store, itertools.repeat(READ), clients=3, most=50).samples) == 50


def test_an_answer_that_does_not_come_is_given_up() -> None:
    store = FakeStore(lambda number, *_: Answered(99 if number == 3 else 0.01, answer()))
    run = open_loop(store, itertools.repeat(READ), rate=10, seconds=1)
    assert [sample.status for sample in run.samples].count(NO_ANSWER) == 1
    assert len(run.samples) == 10


def test_stale_reads_are_those_that_show_more_than_is_left() -> None:
    """Each tenth request buys a copy. Reads 15, 16 and 47 get what was true before a purchase that had been told."""
    left, old = 100, {15: 1, 16: 1, 47: 2}

    def behave(number: int, now: float, data: bytes) -> Answered:
        nonlocal left
        if data == BUY.data:
            left -= 1
            return Answered(0.002, answer(b"{}", status=201))
        return Answered(0.002, answer(b'{"quantity": %d}' % (left + old.get(number, 0))))

    requests = (BUY if number % 10 == 0 else READ for number in itertools.count())
    run = open_loop(FakeStore(behave), requests, rate=100, seconds=1, look=quantity)
    assert [round(sample.due_s * 100) for sample in judging.stale(run.samples, {1: 100})] == sorted(old)


def test_a_read_beside_a_purchase_may_show_either() -> None:
    def behave(number: int, now: float, data: bytes) -> Answered:
        if data == BUY.data:
            return Answered(0.015, answer(b"{}", status=201))
        return Answered(0.008, answer(b'{"quantity": 100}' if now < 0.014 else b'{"quantity": 99}'))

    requests = (BUY if number == 0 else READ for number in itertools.count())
    run = open_loop(FakeStore(behave), requests, rate=100, seconds=0.1, look=quantity)
    assert judging.stale(run.samples, {1: 100}) == []


def test_a_read_that_goes_back_behind_an_earlier_one_is_stale() -> None:
    shown = [100, 99, 100, 98]
    store = FakeStore(lambda number, *_: Answered(0.001, answer(b'{"quantity": %d}' % shown[number])))
    run = open_loop(store, itertools.repeat(READ), rate=10, seconds=0.4, look=quantity)
    assert [sample.shown for sample in judging.stale(run.samples, {1: 100})] == [100]


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length"])
def test_answers_are_read_in_pieces(name: bytes) -> None:
    whole = answer(b"body", cache="hit", replica="catalog-2").replace(b"Content-Length", name)
    assert not any(is_whole(whole[:length]) for length in range(len(whole)))
    assert is_whole(whole)
    assert read_reply(whole) == Reply(200, "hit", "catalog-2", b"body")
    with pytest.raises(ValueError, match="length"):
        is_whole(b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(ValueError, match="status"):
        is_whole(b"HTTP/1.1 ??? OK\r\n%s: 0\r\n\r\n" % name)


def run_against(behave: "list[bytes]") -> Run:
    """Over real sockets: a server that answers each request on a connection with the next of these; b'' closes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            answers = iter(behave)
            for first in answers:
                said = first
                connection, _ = server.accept()
                with connection:
                    while connection.recv(4096) and said:
                        connection.sendall(said)
                        said = next(answers, b"")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with Sockets("{}:{}".format(*server.getsockname())) as wire:
            run = closed_loop(wire, itertools.repeat(READ), clients=1, most=len(behave))
        thread.join()
        return run


@pytest.mark.processes
def test_the_same_over_sockets() -> None:
    run = run_against([answer(b"x" * 100_000), b"", answer(status=404), answer()])
    assert [sample.status for sample in run.samples] == [200, NO_ANSWER, 404, 200]
    assert all(0 <= sample.due_s <= sample.sent_s <= sample.done_s for sample in run.samples)


def test_nobody_there_is_no_answer() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = "{}:{}".format(*server.getsockname())
    with Sockets(address) as wire:
        run = closed_loop(wire, itertools.repeat(READ), clients=1, most=2)
    assert [sample.status for sample in run.samples] == [NO_ANSWER, NO_ANSWER]
