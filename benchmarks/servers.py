"""The servers that are measured: a store, and the bare application beside it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from bookstore_project.nodes.tool_client import Session
from tests.ports import free_port
from tests.store import ROOT, Store
from tests.waiting import wait_for

UNCOPIED = frozenset({"server", "date"})
"""Headers that the web server adds by itself."""


def record_answer(address: str, path: str, file: Path) -> None:
    """Keeps the second answer (a cache hit) of the front, for the bare application to send."""
    with Session(address) as session:
        session.get(path)
        answer = session.get(path)
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in UNCOPIED]
    file.write_text(json.dumps({"status": answer.status, "headers": headers, "body": answer.body.decode()}))


@contextmanager
def bare_application(answer: Path) -> Iterator[str]:
    """Runs the bare application on the store's web server, with the front's options; its address."""
    port = free_port("127.0.0.1")
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-ws", "--no-log", "--workers-kill-timeout", "1", "benchmarks.bare:application"]
    environment = os.environ | {"BENCHMARK_ANSWER": str(answer)}
    # In a session of its own, as each of the store's nodes is: Linux shares processors out among sessions (sched(7),
    # autogroup), and in the load generator's it would be measured under other conditions.
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        address = f"127.0.0.1:{port}"
        wait_for(lambda: _answers(address), 20, "the bare application")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _answers(address: str) -> bool:
    try:
        with Session(address, timeout_s=1) as session:
            return session.get("/").status == HTTPStatus.OK
    except OSError:
        return False


def restock(store: Store, book: int, quantity: int) -> None:
    """Enough copies that none of the measured purchases is refused."""
    with Session(store.addresses["front"]) as session:
        answer = session.call("POST", f"/api/v1/books/{book}/restock/", {"quantity": quantity}, login=store.staff)
    assert answer.status == HTTPStatus.OK, answer


def start_seconds(data: Path) -> float:
    """Seconds from `make run` in a prepared checkout to the first answer of every node."""
    store = Store(data, command=("make", "--no-print-directory", "run"))
    began = time.perf_counter()
    with store:
        return time.perf_counter() - began
