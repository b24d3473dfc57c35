"""docs/your-own-model.md works, word for word: in a scratch copy of the repository, on a store that has books."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.client import Client
from tests.docs.pages import DOCS, ROOT
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

PAGE = DOCS / "your-own-model.md"
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LEFT_OUT = shutil.ignore_patterns(".*", "var", "benchmarks", "images", "*.pyc.*")
"""The last are drafts of bytecode, which are gone in a moment: others write it meanwhile."""
NO_LEASE = "x-cache: bypass"
AT_LEAST, AT_MOST = 20, 2000
"""Changes; with a lease, two reads are a miss and a hit."""


@dataclass(frozen=True)
class Edit:
    """What is written into a file: all of it, or lines that come and go."""

    path: str
    text: str
    is_diff: bool


@dataclass(frozen=True)
class Command:
    """What is typed, and what the answer has, line by line."""

    text: str
    expected: tuple[str, ...]


def steps() -> Iterator[Edit | Command]:
    path = ""
    for named, kind, text in BLOCK.findall(PAGE.read_text()):
        path = named or path
        if kind == "console":
            for typed in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, *expected = typed.splitlines()
                yield Command(command, tuple(expected))
        else:
            yield Edit(path, text, is_diff=kind == "diff")


class Copy:
    """A scratch copy of the repository, and its store, which has ports of its own instead of those of the page."""

    def __init__(self, folder: Path, prepared: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
        command = (sys.executable, str(folder / "manage.py"), "cluster")
        self.store = Store(folder / "var", prepared=prepared, command=command)

    def do(self, step: Edit | Command) -> None:
        if isinstance(step, Command):
            answer = self.answer_to(step.text)
            if NO_LEASE in answer:  # The machine is slow.
                answer = wait_for(lambda: self.answer_with_lease(step.text), what=step.text)
            assert [line for line in step.expected if line.lower() not in answer.lower()] == [], answer
        elif step.is_diff:
            change(self.folder / step.path, step.text)
        else:
            (self.folder / step.path).write_text(step.text)

    def answer_with_lease(self, command: str) -> str:
        answer = self.answer_to(command)
        return "" if NO_LEASE in answer else answer

    def answer_to(self, command: str) -> str:
        """All that the command says, wherever it says it."""
        for written, meant in {
            ".venv/bin/python": shlex.quote(sys.executable),
            "localhost:8000": self.store.addresses["front"],
            "localhost:8001": self.store.addresses["catalog-1"],
        }.items():
            command = command.replace(written, meant)
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.store.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        ).stdout


def change(path: Path, diff: str) -> None:
    """Lines with a minus go, lines with a plus come; the others say where: they are there once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] != "+")
    new = "".join(line[1:] for line in lines if line[0] != "-")
    text = path.read_text()
    assert text.count(old) == 1, f"{path} has this {text.count(old)} times:\n{old}"
    path.write_text(text.replace(old, new))


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks with curl")
def test_the_page_does_what_it_says(tmp_path: Path, prepared: Path) -> None:
    copy = Copy(tmp_path / "copy", prepared)
    page = list(steps())
    run = page.index(Command("make run", ()))
    for step in page[:run]:
        copy.do(step)
    with copy.store:
        for step in page[run + 1 :]:
            copy.do(step)
        nobody_reads_what_was(copy.store)


def nobody_reads_what_was(store: Store) -> None:
    """Beyond the page: each change is in the next answer, and an answer is asked for once."""
    front = Client(store)
    outcomes: set[str] = set()
    for number in count():
        replica = Client(store, ("catalog-1", "catalog-2")[number % 2])
        changed = replica.call("PATCH", "/api/v1/reviews/1/", {"text": f"Version {number}."}, as_staff=True)
        assert changed.status == 200, changed
        for _ in range(2):
            answer = front.get("/api/v1/books/2/reviews/")
            assert [review["text"] for review in answer.json["results"]] == [f"Version {number}."]
            outcomes.add(answer.headers["x-cache"])
        if number >= AT_LEAST and {"hit", "miss"} <= outcomes:
            return
        assert number < AT_MOST, outcomes
