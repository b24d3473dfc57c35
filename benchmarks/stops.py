"""How long a store takes to end after a signal: with nothing to do, and with requests that never come to an end."""

import signal
import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import say
from tests.store import Store
from tests.waiting import PATIENCE_S

Figures = dict[str, Mapping[str, float]]
HALF = (
    b"POST /api/v1/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)
"""A request whose body doesn't come. Its client waits, and the node with it."""
AT_EACH_NODE = 20


def measure(base: Path, rounds: int) -> Figures:
    """The two by turns: seconds, and their ratio."""
    say("stopping")
    idle: list[float] = []
    busy: list[float] = []
    for number in range(rounds):
        idle.append(stop_seconds(base / f"idle-{number}", half_sent=0))
        busy.append(stop_seconds(base / f"busy-{number}", half_sent=AT_EACH_NODE))
    quick, slow = statistics.median(idle), statistics.median(busy)
    title = f"from SIGTERM to the last process's end, with {AT_EACH_NODE} half-sent bodies at each node"
    return {
        title: {"with nothing to do, s": quick, "with them, s": slow, "longest, s": max(busy), "ratio": slow / quick}
    }


def stop_seconds(data: Path, *, half_sent: int) -> float:
    with Store(data) as store, ExitStack() as stack:
        for node in store.nodes:
            for _ in range(half_sent):
                stack.enter_context(store.connect(node)).sendall(HALF)
        for node in store.nodes:
            assert store.is_ready(node), "the bodies have arrived before"
        began = time.perf_counter()
        store.stop(signal.SIGTERM, PATIENCE_S)
        store.wait_gone()
        return time.perf_counter() - began
