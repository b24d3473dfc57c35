"""One run of Schemathesis against one node, as somebody."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.store import ROOT, Store

HERE = Path(__file__).parent
ANONYMOUS, STAFF = "anonymous", "staff"
COVERAGE, FUZZING = "coverage", "fuzzing"
"""Values at and beyond each limit, one by one; values at random."""


@dataclass(frozen=True)
class Extent:
    """How much is tried: so many examples of each operation, or (`seconds`) for so long."""

    examples: int
    seconds: int | None = None
    seed: int = 1
    phases: tuple[str, ...] = (COVERAGE, FUZZING)

    def arguments(self) -> list[str]:
        timed = [] if self.seconds is None else ["--max-time", str(self.seconds)]
        chosen = ["--phases", ",".join(self.phases), "--seed", str(self.seed)]
        return [*chosen, "--max-examples", str(self.examples), *timed]


@dataclass(frozen=True)
class Finding:
    """What Schemathesis found: its exit status is 0 if that is nothing."""

    returncode: int
    stdout: str


def command(store: Store, node: str, who: str, extent: Extent) -> list[str]:
    """Every check that Schemathesis has but one, of each operation that the node's schema names."""
    login = ["--header", f"Authorization: Token {_token(store)}"] if who == STAFF else []
    return [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{store.url(node)}/api/schema/?format=json",
        "--checks",
        "all",
        # It takes the 429 of somebody who guesses tokens for a defect; tests/everywhere asks all without a login.
        "--exclude-checks",
        "ignored_auth",
        "--no-color",
        *extent.arguments(),
        *login,
    ]


def _token(store: Store) -> str:
    """Of the staff account: a password would have to be hashed for each request."""
    made = store.manage("token", "staff")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def fuzz(
    store: Store, node: str, who: str, extent: Extent, *, on_line: Callable[[str], object] | None = None
) -> Finding:
    """Runs it to its end; tells each line that it says."""
    lines = []
    with (
        tempfile.TemporaryDirectory(prefix="bookstore-fuzz-") as folder,
        subprocess.Popen(
            command(store, node, who, extent),
            cwd=folder,  # It leaves notes of its own where it runs.
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if on_line is not None:
                on_line(line.rstrip())
    return Finding(process.returncode, "".join(lines))
