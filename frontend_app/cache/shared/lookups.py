"""Looks things up in a slow cache, in a thread of its own, for whoever waits."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Found = Mapping[str, Any]


class _Question(NamedTuple):
    keys: Sequence[str]
    answer: Callable[[Found], None]


class Lookups:
    """Takes all that waits at once, asks once for each key, and answers everybody.

    Whoever asks while a lookup is under way gets a later one: what was read before the question may be too old for
    him, though there is something newer by now.
    """

    def __init__(self, look_up: Callable[[Iterable[str]], Found], limit: int) -> None:
        self._look_up = look_up
        self._limit = limit
        # The quickest way into another thread, which is most of what a lookup costs.
        self._waiting: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def ask(self, keys: Sequence[str], answer: Callable[[Found], None]) -> bool:
        """Has `answer` called, in the thread that looks up, with what was found; waits for nothing.

        False, and no call, if about `limit` questions wait already, or after `close`.
        """
        if self._is_closed or self.waiting >= self._limit:
            return False
        if self._thread is None:
            self._start()
        self._waiting.put(_Question(keys, answer))
        return True

    @property
    def waiting(self) -> int:
        """Questions that no lookup has been begun for."""
        return self._waiting.qsize()

    def close(self, timeout_s: float) -> None:
        """Ends the thread, which first answers those who wait."""
        self._is_closed = True
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start(self) -> None:
        # Not before it is needed: threads don't survive a fork.
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cache-lookups", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            questions = [first, *self._rest()]
            found = self._look_up(dict.fromkeys(key for question in questions for key in question.keys))
            for question in questions:
                question.answer(found)

    def _rest(self) -> Iterator[_Question]:
        for _ in range(self._waiting.qsize()):
            question = self._waiting.get()
            if question is None:
                self._waiting.put(None)  # The end comes after those who wait.
                return
            yield question
