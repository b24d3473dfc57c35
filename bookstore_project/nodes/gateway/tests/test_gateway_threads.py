"""Threads: so many at once and no more, what was asked for is finished, and none of them is left over."""

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import pytest

from bookstore_project.nodes.gateway.messages import PIECE_BYTES, Outgoing
from bookstore_project.nodes.gateway.threads import Threads, run_wsgi
from tests.waiting import wait_for


class Application:
    """Answers with the name that it is asked for, once it may; counts."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.begun: list[str] = []
        self.thread = 0
        """Which one answered last."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.begun.append(environ["name"])
        self.thread = threading.get_ident()
        self.may_answer.wait()
        if environ["name"] == "bad":
            raise LookupError("no such name")
        start_response("200 OK", [])
        return [environ["name"].encode()]


async def met(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def in_threads(most: int, work: Callable[[Application, Threads], Awaitable[None]]) -> Application:
    application = Application()
    threads = Threads(application, most)
    try:
        await work(application, threads)
    finally:
        application.may_answer.set()
        threads.close()
    return application


def names(answers: Iterable[Outgoing]) -> list[str]:
    return [answer.body.decode() for answer in answers]


def test_no_more_than_most_are_begun_and_the_others_wait_in_line() -> None:
    async def work(application: Application, threads: Threads) -> None:
        asked = [threads.answer({"name": name}) for name in "abcde"]
        await met(lambda: len(application.begun) == 2)
        await asyncio.sleep(0)
        assert sorted(application.begun) == ["a", "b"]
        application.may_answer.set()
        assert names(await asyncio.gather(*asked)) == list("abcde")

    asyncio.run(in_threads(2, work))


def test_one_thread_does_for_those_who_come_one_after_another() -> None:
    async def work(application: Application, threads: Threads) -> None:
        application.may_answer.set()
        served_by = set()
        for name in "abc":
            assert names([await threads.answer({"name": name})]) == [name]
            served_by.add(application.thread)
        assert len(served_by) == 1

    asyncio.run(in_threads(8, work))


def test_what_the_application_raises_is_raised_where_it_is_waited_for_and_the_thread_goes_on() -> None:
    async def work(application: Application, threads: Threads) -> None:
        application.may_answer.set()
        with pytest.raises(LookupError, match="no such name"):
            await threads.answer({"name": "bad"})
        assert names([await threads.answer({"name": "good"})]) == ["good"]

    asyncio.run(in_threads(1, work))


def test_what_was_begun_is_finished_for_nobody_and_what_was_not_is_never_begun() -> None:
    ended: list[str] = []

    async def work(application: Application, threads: Threads) -> None:
        begun = threads.answer({"name": "begun"}, lambda: ended.append("begun"))
        waiting = threads.answer({"name": "waiting"}, lambda: ended.append("waiting"))
        await met(lambda: application.begun)
        begun.cancel()
        waiting.cancel()
        await asyncio.sleep(0)
        assert not ended, "the thread is still at it"
        application.may_answer.set()
        await met(lambda: len(ended) == 2)
        assert names([await threads.answer({"name": "next"})]) == ["next"]

    application = asyncio.run(in_threads(1, work))
    assert ended == ["begun", "waiting"]
    assert application.begun == ["begun", "next"]


def test_a_loop_that_is_closed_while_a_thread_works_is_no_error() -> None:
    application = Application()
    threads = Threads(application, 1)

    async def ask() -> None:
        threads.answer({"name": "late"})
        await met(lambda: application.begun)

    before = set(threading.enumerate())
    asyncio.run(ask())
    application.may_answer.set()
    threads.close()
    wait_for(lambda: set(threading.enumerate()) <= before, what="the end of the thread")


@pytest.mark.parametrize("way", ["closed", "forgotten"])
def test_no_thread_is_left(way: str) -> None:
    before = set(threading.enumerate())

    async def ask() -> None:
        application = Application()
        application.may_answer.set()
        threads = Threads(application, 4)
        await asyncio.gather(*(threads.answer({"name": name}) for name in "abcd"))
        if way == "closed":
            threads.close()

    asyncio.run(ask())
    wait_for(lambda: set(threading.enumerate()) <= before, what="the end of the threads")


class TestFiles:
    """A large file isn't in memory; a small one is sent at once."""

    class Noting(io.BytesIO):
        """A file that notes how much of it was read at a time."""

        def __init__(self, size: int) -> None:
            super().__init__(b"x" * size)
            self.sizes: list[int] = []

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            self.sizes.append(len(piece))
            return piece

    def sent(self, file: io.BytesIO, method: str = "GET") -> list[MutableMapping[str, Any]]:
        """What goes out for it."""

        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
            return wrapped

        messages: list[MutableMapping[str, Any]] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message)

        asyncio.run(run_wsgi(application, {}).send(send, method))
        return messages[1:]

    @pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
    def test_it_goes_out_whole_and_piece_by_piece(self, size: int) -> None:
        file = self.Noting(size)
        messages = self.sent(file)
        assert sum(len(message["body"]) for message in messages) == size
        assert [message["more_body"] for message in messages] == [True] * (len(messages) - 1) + [False]
        assert max(file.sizes) <= PIECE_BYTES
        assert file.closed

    def test_of_a_head_nothing_goes_out(self) -> None:
        file = self.Noting(3 * PIECE_BYTES)
        assert self.sent(file, "HEAD") == [{"type": "http.response.body", "body": b"", "more_body": False}]
        assert file.closed

    def test_it_is_closed_when_the_client_is_gone(self) -> None:
        file = self.Noting(3 * PIECE_BYTES)

        async def send(message: MutableMapping[str, Any]) -> None:
            raise ConnectionError

        with pytest.raises(ConnectionError):
            asyncio.run(Outgoing(200, [], file.read(PIECE_BYTES), file).send(send, "GET"))
        assert file.closed
