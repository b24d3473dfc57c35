"""The usual way's catalog-1 in a process of its own, which sells a copy, and is killed before a statement: for lab 3.

`python -m tests.course.killed FOLDER` reads commands from standard input, one a line, and answers each with a line of
JSON. The folder has both catalogs' files; the environment says that this is catalog-1. Each command is carried out by
a fork, as by a process that has just started:

- `start`: what the start of the process does to the files;
- `sell N`: after a start, one sale of book 1, killed before the Nth statement to any of the files (0: never).

The answer is the status of the sale (0: of a start), or what was to be the next statement when it was killed.
"""

import json
import os
import signal
import sys
from typing import Any

import django
from django.db.backends.signals import connection_created
from rest_framework.test import APIRequestFactory


class Killer:
    """Counts the statements of all connections, and ends the process before one of them."""

    def __init__(self, fatal: int, written: int) -> None:
        self._left, self._written = fatal, written

    def __call__(self, statement: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.write(self._written, json.dumps(" ".join(statement.split())[:60]).encode())
            os.kill(os.getpid(), signal.SIGKILL)


def carry_out(command: str, written: int) -> None:
    from benchmarks.usual_way import application, catalog  # noqa: F401  (whose import is the start)

    action, _, fatal = command.partition(" ")
    status = 0
    if action == "sell":
        killer = Killer(int(fatal), written)

        def watch(connection: Any, **_: Any) -> None:
            connection.connection.set_trace_callback(killer)

        connection_created.connect(watch)
        try:
            status = catalog.sell(APIRequestFactory().post("/"), number=1).status_code
        except Exception:
            status = 500  # As the web server answers then.
    os.write(written, json.dumps(status).encode())


def main() -> int:
    django.setup()
    for line in sys.stdin:
        read, written = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                carry_out(line.strip(), written)
            finally:
                os._exit(0)
        os.close(written)
        with os.fdopen(read) as told:
            answer = told.read()
        os.waitpid(pid, 0)
        print(answer or json.dumps("it could not start"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
