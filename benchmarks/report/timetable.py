"""An open loop that costs the processor little: asking for a hit from Python costs a quarter of a hit.

`timetable.c` is compiled when it is first needed. Where no C compiler works, `open_loop` does the same, and costs
what it costs.
"""

import atexit
import ctypes
import functools
import itertools
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report.generator import NO_ANSWER, TIMEOUT_S, Look, Run, Sample, look_at_nothing, open_loop
from benchmarks.report.wire import Request, Sockets, read_reply

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = "cc"
BEGINS_AFTER_S = 0.005
_SO_TIMESTAMPNS = 35
"""socket(7): the kernel notes when what was received has come. Python doesn't name it."""
_LOOKS, _LOOK_S = 1000, 0.001


class _Text(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_char_p), ("length", ctypes.c_long))


class _Asked(ctypes.Structure):
    """As the source has it. Moments are seconds of `time.perf_counter()`."""

    _fields_ = (
        ("due", ctypes.c_double),
        ("sent", ctypes.c_double),
        ("done", ctypes.c_double),
        ("begins", ctypes.c_long),
        ("length", ctypes.c_long),
    )


@functools.cache
def compiled(compiler: str) -> ctypes.CDLL | None:
    """What is in the source; None if that program isn't there or can't compile it, or this kernel notes nothing."""
    if shutil.which(compiler) is None or not _are_arrivals_noted():
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "timetable.so"
        try:
            subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
            found = ctypes.CDLL(str(library))
        except (subprocess.CalledProcessError, OSError):  # No headers; or nothing may be run from that folder.
            return None
    found.keep.restype = ctypes.c_double
    return found


@functools.cache
def _noting() -> tuple[socket.socket, socket.socket]:
    """The kernel notes arrivals as long as one socket wants it: these two stay open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sends = socket.create_connection(server.getsockname())
        receives, _ = server.accept()
    receives.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    for each in (sends, receives):
        atexit.register(each.close)
    return sends, receives


def _are_arrivals_noted() -> bool:
    """It begins to a moment after it was told to."""
    sends, receives = _noting()
    for _ in range(_LOOKS):
        sends.send(b".")
        if receives.recvmsg(1, 64)[1]:
            return True
        time.sleep(_LOOK_S)
    return False


def kept(
    address: str, requests: Iterator[Request], *, rate: float, seconds: float, look: Look = look_at_nothing
) -> Run:
    """So many requests a second, one every 1/rate s, on two connections by turns.

    A request whose connection still waits for an answer waits, too. As with `open_loop`, its time runs from when it
    was due.
    """
    library = compiled(COMPILER)
    if library is None:
        with Sockets(address) as wire:
            return open_loop(wire, requests, rate=rate, seconds=seconds, look=look)
    asked = list(itertools.islice(requests, round(rate * seconds)))
    host, _, port = address.partition(":")
    texts = (_Text * len(asked))(*(_Text(each.data, len(each.data)) for each in asked))
    began = time.perf_counter() + BEGINS_AFTER_S
    found = (_Asked * len(asked))(*(_Asked(due=began + number / rate) for number in range(len(asked))))
    answers, patience = ctypes.c_void_p(), ctypes.c_double(TIMEOUT_S)
    count = ctypes.c_long(len(asked))
    cost_s = library.keep(host.encode(), int(port), texts, found, count, patience, ctypes.byref(answers))
    heard = [ctypes.string_at((answers.value or 0) + each.begins, each.length) for each in found]
    library.forget()
    samples = [_sample(*each, began, look) for each in zip(asked, found, heard, strict=True)]
    return Run(samples, seconds, cost_s, began)


def _sample(request: Request, asked: _Asked, heard: bytes, began: float, look: Look) -> Sample:
    due_s, sent_s, done_s = (moment - began for moment in (asked.due, asked.sent, asked.done))
    try:
        reply = read_reply(heard)
    except ValueError:  # Nothing came, or it isn't HTTP.
        return Sample(request.kind, request.book, due_s, sent_s, done_s, NO_ANSWER)
    found = (reply.status, reply.cache, reply.replica, look(request, reply))
    return Sample(request.kind, request.book, due_s, sent_s, done_s, *found)
