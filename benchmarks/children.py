"""Child processes of a benchmark: what makes a store's files, and parties that work on them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.store import ROOT, addresses, environment_for


def build(data: Path, *arguments: str, module: str = "benchmarks.bigstore") -> None:
    """Makes a store's files; see the module for the arguments."""
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=ROOT, env=environment_for(data, addresses()), check=True, stdout=subprocess.DEVNULL)


class Party:
    """A running `benchmarks.party`: call it with a command and a number, for its answer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout

    def __call__(self, command: str, count: int) -> Any:
        self.send(command, count)
        return self.receive()

    def send(self, command: str, count: int) -> None:
        self._to.write(json.dumps([command, count]) + "\n")
        self._to.flush()

    def receive(self) -> Any:
        """Waits for the answer to what was sent."""
        return json.loads(self._from.readline())

    def close(self) -> None:
        self._to.close()


@contextmanager
def party(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[Party]:
    """A process of that store; `environment` is a running store's, if it has one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.party"],
        cwd=ROOT,
        env=environment or environment_for(data, addresses()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    made = Party(process)
    with process:
        try:
            yield made
        finally:
            made.close()


def say(what: str) -> None:
    """What is measured now."""
    _tools[-1](f"measuring {what}")


def tell(begin: Callable[[str], None]) -> None:
    """Who is to be told."""
    _tools.append(begin)


def print_plainly(text: str) -> None:
    sys.stderr.write(f"{text} ...\n")


_tools: list[Callable[[str], None]] = [print_plainly]
