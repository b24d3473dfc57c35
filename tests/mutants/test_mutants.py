"""The table of mutants fits the code: what it would break is there, and so is the test that would notice."""

import ast
import shutil
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests import on_postgresql, programs, waiting
from tests.mutants import workshop
from tests.mutants.mutant import DoesNotFit, Edit, Mutant, mutant
from tests.mutants.table import MUTANTS
from tests.mutants.workshop import ROOT

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@cache
def functions_in(file: str) -> frozenset[str]:
    """Those of its classes too, as `Class::function`."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    body = ast.parse((ROOT / file).read_text()).body
    named = [("", body), *((f"{node.name}::", node.body) for node in body if isinstance(node, ast.ClassDef))]
    return frozenset(prefix + node.name for prefix, nodes in named for node in nodes if isinstance(node, functions))


def test_no_two_mutants_share_a_name() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []
    assert len(MUTANTS) >= 20


@pytest.mark.parametrize("name", BY_NAME)
def test_a_mutant_fits_the_code_and_names_tests_that_exist(name: str, tmp_path: Path) -> None:
    subject = BY_NAME[name]
    for edit in subject.edits:
        target = tmp_path / edit.file
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / edit.file, target)
        edit.apply(tmp_path)
    for edit in subject.edits:
        ast.parse((tmp_path / edit.file).read_text())
        assert (tmp_path / edit.file).read_text() != (ROOT / edit.file).read_text()
    assert subject.tests
    for test in subject.tests:
        file, _, function = test.partition("::")
        assert function.partition("[")[0] in functions_in(file), f"{test} is gone"


# ------------------------------------------------------------------------------ that the tool can say no


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of one function and its test, which needs none of pytest's plugins: they take longest to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(workshop, "TIME_LIMIT_S", waiting.PATIENCE_S)  # None of them hangs, however slow it is.
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (tmp_path / "test_sums.py").write_text(
        "import pytest, sums\n\n"
        "@pytest.fixture\ndef two():\n    return sums.add(1, 1)\n\n"
        "def test_add():\n    assert sums.add(2, 2) == 4\n\n"
        "def test_two(two):\n    assert two\n"
    )
    return tmp_path


def broken(instead: str, test: str = "test_add", text: str = "a + b") -> Mutant:
    return mutant("m", "h", "sums.py", text, instead, f"test_sums.py::{test}")


@pytest.mark.parametrize(
    ("subject", "is_caught", "how"),
    [
        (broken("a - b"), True, "caught by test_add (assert 0 == 4"),
        (broken("a * b"), False, "SURVIVED test_add"),
        (broken("a +"), False, "BROKE before"),
        (broken("a + c"), False, "BROKE in test_add: NameError"),
        (broken("1 / 0", "test_two"), False, "BROKE before"),
        (broken("a - b", "test_gone"), False, "BROKE before"),
        (broken("a - b", text="a+b"), False, "DOESN'T FIT"),
        (broken("c", text="a"), False, "DOESN'T FIT"),
    ],
    ids=[
        "caught",
        "survives",
        "no Python",
        "no such name",
        "a fixture fails",
        "no such test",
        "text is gone",
        "text is ambiguous",
    ],
)
@pytest.mark.processes
def test_a_mutant_counts_as_caught_only_if_its_test_fails(
    tree: Path, subject: Mutant, is_caught: bool, how: str
) -> None:
    before = (tree / "sums.py").read_text()
    outcome = workshop.examine(subject, tree)
    assert (outcome.is_caught, how in outcome.how) == (is_caught, True), outcome
    assert (tree / "sums.py").read_text() == before


@pytest.mark.processes
def test_a_mutant_that_hangs_is_caught_and_nothing_of_it_goes_on(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "TIME_LIMIT_S", 3.0)
    outcome = workshop.examine(broken("__import__('signal').pause()"), tree)
    assert (outcome.is_caught, outcome.how) == (True, "caught by test_add, which hung")


def test_an_edit_that_does_not_fit_changes_nothing(tree: Path) -> None:
    with pytest.raises(DoesNotFit, match=r"occurs 2 times in test_sums\.py"):
        Edit("test_sums.py", "sums.add(", "").apply(tree)
    with pytest.raises(DoesNotFit, match=r"occurs 0 times in gone\.py"):
        Edit("gone.py", "x", "").apply(tree)


@pytest.mark.processes
def test_tests_of_a_mutant_can_have_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of its socket is short enough, and the server ends with them."""
    if on_postgresql.program("postgres") is None:
        programs.require(f"{on_postgresql.BINARIES}/postgres", on_postgresql.PACKAGE)
    test = f"{workshop.OF_POSTGRESQL}tests/test_confirmation.py::test_a_refusal_rests_on_what_is_confirmed"
    monkeypatch.setattr(workshop, "PATIENCE_S", waiting.PATIENCE_S)
    status, output = workshop.run_tests(ROOT, [test], waiting.PATIENCE_S)
    assert (status, "1 passed" in output) == (0, True), output
