"""The labs' checks say "solved" to a model solution, and to nothing less."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.course.labs import LABS, ROOT, Lab
from tests.course.verdict import Finding, seen, told
from tests.mutants import workshop

pytestmark = pytest.mark.processes


def apply(patch: Path, tree: Path) -> None:
    """With git, as a teacher does it; the tree is no repository."""
    outside = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    subprocess.run(["git", "apply", str(patch)], cwd=tree, env=outside, check=True)


def check(tree: Path) -> tuple[int, dict[int, list[bool]], str]:
    """The exit status for all labs, of each lab what of it is met, and all that was said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(workshop.OF_A_STORE)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.course"],
        cwd=tree,
        env=clean | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    parts = re.findall(r"^Lab (\d), .*\n((?:  .*\n)*)", done.stdout, re.MULTILINE)
    met = {
        int(number): [line == "yes" for line in re.findall(r"^  (yes|no ) ", lines, re.MULTILINE)]
        for number, lines in parts
    }
    return done.returncode, met, done.stdout + done.stderr


def checked(patch_of: Callable[[Lab], Path] | None) -> tuple[int, dict[int, list[bool]], str]:
    with workshop.copied_tree() as tree:
        if patch_of is not None:
            for lab in LABS.values():
                apply(patch_of(lab), tree)
        return check(tree)


def test_model_solutions_solve_all_labs() -> None:
    status, met, output = checked(lambda lab: lab.solution)
    assert (status, set(met)) == (0, set(LABS)), output
    assert all(all(each) for each in met.values()), output


def test_what_is_untouched_or_half_a_solution_solves_no_lab_and_half_of_it_counts() -> None:
    status, untouched, output = checked(None)
    assert (status, set(untouched)) == (1, set(LABS)), output
    assert not any(all(each) for each in untouched.values()), output
    status, half, output = checked(lambda lab: lab.half)
    assert (status, set(half)) == (1, set(LABS)), output
    assert not any(all(each) for each in half.values()), output
    assert all(sum(half[number]) > sum(untouched[number]) for number in LABS), output


def test_the_verdict_says_what_was_seen() -> None:
    findings = [Finding("f", "It sells.", True, ""), Finding("f", "It stops.", False, "1 copy is left")]
    assert told(LABS[1], findings) == (
        "Lab 1, query and buy\n"
        "  yes  It sells.\n"
        "  no   It stops.\n"
        "       seen: 1 copy is left\n"
        "Lab 1: Not yet: 1 of 2. The task is in lab-1-query-and-buy.md."
    )
    assert told(LABS[1], findings[:1]).endswith("Lab 1: Solved.")
    assert told(LABS[1], []).endswith("Not yet: 0 of 0. The task is in lab-1-query-and-buy.md.")


def test_errors_are_told_in_one_line() -> None:
    assert seen(AssertionError("2 copies are left\nassert 2 == 1")) == "2 copies are left"
    assert seen(KeyError("x")) == "KeyError: 'x'"
    assert seen(None) == ""


@pytest.mark.parametrize("lab", LABS.values(), ids=lambda lab: lab.title)
def test_a_lab_has_a_sheet_of_a_screen_or_two(lab: Lab) -> None:
    text = lab.sheet.read_text()
    assert len(text.splitlines()) <= 120
    parts = ("**Goal.**", "**Time.**", "## Run it", "## Look", "## Questions", "## Task")
    assert [part for part in parts if part not in text] == []
    assert f"make check-lab N={lab.number}" in text


def test_the_usual_way_is_read_in_one_go() -> None:
    """Three hundred lines, and its README names each file but those that only begin it."""
    folder = ROOT / "benchmarks" / "usual_way"
    files = list(folder.glob("*.py"))
    assert sum(len(file.read_text().splitlines()) for file in files) <= 300
    named = set(re.findall(r"`(\w+\.py)`", (folder / "README.md").read_text()))
    assert {file.name for file in files} - named == {"__init__.py", "__main__.py"}
