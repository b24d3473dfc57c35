"""Looks things up in a slow cache, in a thread of its own, for whoever waits."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Found = Mapping[str, Any]


@dataclass(frozen=True)
class _Question:
    keys: Sequence[str]
    answer: Callable[[Found], None]


class Lookups:
    """Takes all that waits at once, asks once for each key, and answers everybody.

    Whoever asks while a lookup is under way gets a later one: nobody is answered with something that was read
    before the question.
    """

    def __init__(self, look_up: Callable[[Iterable[str]], Found], limit: int) -> None:
        self._look_up = look_up
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: list[_Question] = []
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def ask(self, keys: Sequence[str], answer: Callable[[Found], None]) -> bool:
        """Has `answer` called, in the thread that looks up, with what was found; waits for nothing.

        False, and no call, if `limit` questions wait already, or after `close`.
        """
        with self._changed:
            if self._is_closed or len(self._waiting) >= self._limit:
                return False
            self._waiting.append(_Question(keys, answer))
            if self._thread is None:
                # Not before it is needed: threads don't survive a fork.
                self._thread = threading.Thread(target=self._run, name="cache-lookups", daemon=True)
                self._thread.start()
            self._changed.notify()
            return True

    def close(self, timeout_s: float) -> None:
        """Ends the thread, which first answers those who wait."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._is_closed:
                        return
                    self._changed.wait()
                questions, self._waiting = self._waiting, []
            found = self._look_up(dict.fromkeys(key for question in questions for key in question.keys))
            for question in questions:
                question.answer(found)
