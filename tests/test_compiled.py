"""Code that is kept for processes to come is the code that they would read and compile."""

import dataclasses
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from tests import loaded
from tests.compiled import ROOT, Compiled
from tests.waiting import PATIENCE_S


def value_of(code: object) -> object:
    said: dict[str, object] = {}
    exec(code, said)  # type: ignore[arg-type]  # None would fail the test.
    return said["value"]


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "told.py"
    path.write_text("value = 1")
    kept, loader = Compiled(), SourceFileLoader("told", str(path))
    kept.keep({"told": str(path)})
    first = kept.module(loader, "told")
    assert kept.module(loader, "told") is first
    assert value_of(first) == 1
    path.write_text("value = 2")
    os.utime(path, ns=(1, 1))
    assert value_of(kept.module(loader, "told")) == 2


def test_a_text_is_compiled_once_and_executed_where_it_is_to_be() -> None:
    kept = Compiled()
    for number in (1, 2):
        found: dict[str, int] = {}
        kept.execute("value = number", {"number": number}, found)
        assert found == {"value": number}
    assert list(kept.texts) == ["value = number"]


def test_dataclasses_ask_for_what_is_built_in_by_a_name_that_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Compiled()
    monkeypatch.setitem(vars(dataclasses), "exec", kept.execute)
    made = [dataclasses.make_dataclass("Made", [("value", int)], frozen=True) for _ in range(2)]
    assert made[0](1) == made[0](1) != made[1](1)
    assert kept.texts


TELLING = """
import dataclasses
kept = vars(dataclasses)["exec"].__self__
from bookstore_project.nodes.balancing.balancer import Balancer
print(*kept._modules, len(kept.texts), sep="\\n")
"""


@pytest.mark.processes
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked so")
def test_what_commands_load_is_known_before_they_are_forked() -> None:
    done = loaded.run(["-c", TELLING], {"PATH": os.environ["PATH"]}, PATIENCE_S)
    assert done.returncode == 0, done.stderr
    *modules, texts = done.stdout.splitlines()
    wanted = {"asgi.py", "urls.py", "cluster/launch.py", "settings/base.py", "nodes/direct.py"}
    assert {str(ROOT / "bookstore_project" / path) for path in wanted} <= set(modules)
    assert int(texts) > 100
