"""Simulations for tests, one after another in a process that has loaded and prepared a store: a start takes seconds.

`simulate` gives what `python -m tests.simulation` would have: exit status and output. There is a process for each
hash seed and each mutant, from the first test that needs it to the end of the tests. Each prepares the store that its
runs copy: what is drawn meanwhile is a part of what a seed decides.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from tests.run_folder import RunFolder, place_in_memory
from tests.simulation import __main__
from tests.simulation.runner import Runner
from tests.simulation.server.runner import ServedRunner, prepare_a_pair

ROOT = Path(__file__).parents[2]
Answering = Callable[[list[str]], str]
BROKEN, SERVER = "--broken", "--server"


def simulate(*arguments: str, hash_seed: str = "0") -> "subprocess.CompletedProcess[str]":
    """Carries out what `python -m tests.simulation` would with these arguments."""
    is_served = SERVER in arguments
    broken = arguments[arguments.index(BROKEN) + 1] if BROKEN in arguments and not is_served else ""
    return _process(broken, hash_seed, is_served).simulate(arguments)


class _Process:
    def __init__(self, broken: str, hash_seed: str, is_served: bool) -> None:
        more = (*((BROKEN, broken) if broken else ()), *((SERVER,) if is_served else ()))
        command, pipe = [sys.executable, "-m", "tests.simulation.warm", *more], subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment(hash_seed), stdin=pipe, stdout=pipe, text=True
        )

    def simulate(self, arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
        wishes, answers = (cast("IO[str]", end) for end in (self._process.stdin, self._process.stdout))
        print(json.dumps(arguments), file=wishes, flush=True)
        answer = answers.readline()
        assert answer, f"the process of simulations has ended: {self._process.wait()}"
        return subprocess.CompletedProcess(arguments, **json.loads(answer))

    def end(self) -> None:
        self._process.communicate()


@cache
def _process(broken: str, hash_seed: str, is_served: bool) -> _Process:
    _processes.append(process := _Process(broken, hash_seed, is_served))
    return process


_processes: list[_Process] = []


def end_all() -> None:
    """Returns when nothing of them is left."""
    while _processes:
        _processes.pop().end()
    _process.cache_clear()


def environment(hash_seed: str = "0") -> dict[str, str]:
    """Of a process that simulates: nothing of the store of a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOOKSTORE_")}
    return kept | {"PYTHONHASHSEED": hash_seed}


def serve(first: list[str]) -> None:
    """Until there is nothing more to read: a line of arguments, as JSON, and a line of what came of it."""
    __main__.stay_on_one_core()
    answers, folder = sys.stdout, RunFolder("simulation", place_in_memory())
    try:
        answering = (_forked if SERVER in first else _here)(folder.path, first)
        for line in sys.stdin:
            print(answering(json.loads(line)), file=answers, flush=True)
    finally:
        folder.close()


def _here(folder: Path, first: list[str]) -> Answering:
    runner = Runner(folder, __main__.parse(first).mutants)
    return lambda arguments: json.dumps(_carry_out(runner, arguments))


def _forked(folder: Path, _: list[str]) -> Answering:
    """Each in a process of its own, with its mutant: all of them begin with the same rows."""
    pair = folder / "pair"
    prepare_a_pair(folder, pair)

    def answer(arguments: list[str]) -> str:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                runner = ServedRunner(folder, __main__.parse(arguments).mutants, pair)
                os.write(writing, json.dumps(_carry_out(runner, arguments)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading) as told:  # noqa: PTH123  (a descriptor)
            said = told.read()
        os.waitpid(pid, 0)
        return said or json.dumps({"returncode": 1, "stdout": "", "stderr": "it has ended by itself"})

    return answer


def _carry_out(runner: Runner, arguments: list[str]) -> dict[str, Any]:
    said, wrong, status = io.StringIO(), io.StringIO(), 1
    with contextlib.redirect_stdout(said):
        try:
            status = __main__.simulate(__main__.parse(arguments), runner)
        except Exception:
            traceback.print_exc(file=wrong)
    return {"returncode": status, "stdout": said.getvalue(), "stderr": wrong.getvalue()}


if __name__ == "__main__":
    serve(sys.argv[1:])
