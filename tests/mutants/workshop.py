"""Private copies of the tree, in which mutants are made and tests run: the tree itself is never touched."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import on_postgresql, waiting
from tests.mutants.mutant import DoesNotFit, Mutant
from tests.reaper import end_all_in
from tests.run_folder import DATA_PREFIX

ROOT = Path(__file__).parents[2]
COPIED = (
    "bookstore_project",
    "catalog_app",
    "order_app",
    "frontend_app",
    "benchmarks",
    "docs",
    "tests",
    "conftest.py",
    "manage.py",
    "pyproject.toml",
)
OF_A_STORE = ("BOOKSTORE_", "DJANGO_SETTINGS_MODULE")
"""Environment variables that would take the tests to another store."""
OF_POSTGRESQL = "bookstore_project/replication/postgresql/"
"""Where the tests are that need that engine."""
TIME_LIMIT_S = 120.0
PATIENCE_S = 20.0
"""Of tests that wait for what a mutant never does."""
TESTS_FAILED = 1
"""pytest's exit status for "some tests failed"; others mean that they could not be run."""
REASON_LENGTH = 90
NO_PYTHON = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError")
"""Whose test fails with one of these breaks nothing but Python."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    mutant: Mutant
    is_caught: bool
    how: str
    seconds: float
    output: str = ""
    """What pytest wrote where it wasn't caught."""


@contextmanager
def copied_tree() -> Iterator[Path]:
    """A copy of the tree in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="bookstore-mutants-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        (Path(folder) / ".venv").symlink_to(ROOT / ".venv")
        yield Path(folder)


def examine(mutant: Mutant, tree: Path) -> Outcome:
    """Makes the mutant in a copy, runs its tests one by one, and makes the copy whole again."""
    began = time.monotonic()
    kept = {edit.file: (tree / edit.file).read_bytes() for edit in mutant.edits if (tree / edit.file).exists()}
    try:
        for edit in mutant.edits:
            edit.apply(tree)
        verdicts = [_verdict(tree, test) for test in mutant.tests]
    except DoesNotFit as error:
        return Outcome(mutant, False, f"DOESN'T FIT: {error}", time.monotonic() - began)
    finally:
        for file, content in kept.items():
            (tree / file).write_bytes(content)
    return Outcome(
        mutant,
        is_caught=all(is_caught for is_caught, _, _ in verdicts),
        how="; ".join(how for _, how, _ in verdicts),
        seconds=time.monotonic() - began,
        output="".join(output for is_caught, _, output in verdicts if not is_caught),
    )


def _verdict(tree: Path, test: str) -> tuple[bool, str, str]:
    """Whether the test caught what the tree holds, how to say so, and what pytest wrote."""
    name = test.rpartition("::")[2]
    status, output = run_tests(tree, [test], TIME_LIMIT_S)
    if status is None:
        return True, f"caught by {name}, which hung", output
    if status == 0:
        return False, f"SURVIVED {name}", output
    # A fixture that fails ("ERROR") tells of something else than the promise that the test is about.
    failed = re.search(r"^FAILED \S.*? - (.*)$", output, re.MULTILINE)
    if status != TESTS_FAILED or failed is None:
        return False, f"BROKE before {name} (pytest exited with {status})", output
    if failed[1].startswith(NO_PYTHON):
        return False, f"BROKE in {name}: {failed[1]}", output
    return True, f"caught by {name} ({failed[1][:REASON_LENGTH]})", output


def is_on_postgresql(test: str) -> bool:
    return test.startswith(OF_POSTGRESQL)


def run_tests(tree: Path, tests: Sequence[str], timeout_s: float) -> tuple[int | None, str]:
    """The exit status of pytest, None if it hung, and its output. Nothing it started is left."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *tests]
    with (
        tempfile.TemporaryDirectory(prefix="s") as scratch,  # Short: tests make sockets in it (unix(7): 107 bytes).
        Path(scratch, "output").open("w+") as written,
    ):
        try:
            with subprocess.Popen(
                command,
                cwd=tree,
                env=_environment(tree, Path(scratch), tests),
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as running:
                status = _status(running, timeout_s)
        finally:
            end_all_in(Path(scratch))  # A server, for one, which is meant to last as long as its run.
        written.seek(0)
        return status, written.read()


def _environment(tree: Path, scratch: Path, tests: Sequence[str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OF_A_STORE)}
    # A .pyc of the mutant would outlive it: same size, same second. What is there of others is read.
    environment.setdefault("PYTHONPYCACHEPREFIX", "")
    # With a folder for data they make no folder of a run, in which the path of a server's socket would be too long.
    data = scratch / f"{DATA_PREFIX}main-m"
    data.mkdir(0o700)
    environment |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
        "BOOKSTORE_DATA": str(data),
        "PYTHONPATH": str(tree),
        "COLUMNS": "1000",
        waiting.VARIABLE: str(PATIENCE_S),
    }
    if all(map(is_on_postgresql, tests)):
        environment[on_postgresql.VARIABLE] = on_postgresql.POSTGRESQL
    return environment


def _status(running: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    try:
        return running.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _kill_group(running.pid)
        return None
    except BaseException:
        _kill_group(running.pid)
        raise


def _kill_group(pid: int) -> None:
    """Of a session that we began, and whose leader isn't reaped yet: the number is still its own."""
    os.killpg(pid, signal.SIGKILL)
