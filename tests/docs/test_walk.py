"""docs/walk.md names files and functions that are there."""

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import DOCS, ROOT

SHORT = {"replication/", "nodes/", "api/"}
"""Beginnings that leave out `bookstore_project/`, as the page says."""
STEP = re.compile(r"^\| `([\w/]+\.py)` \| (`[\w.]+`(?:, `[\w.]+`)*) \|", re.MULTILINE)
PAGE = (DOCS / "walk.md").read_text()
STEPS = sorted({(path, name) for path, names in STEP.findall(PAGE) for name in re.findall(r"[\w.]+", names)})


@cache
def names_of(path: str) -> set[str]:
    """What the module defines or gives a value to, methods as `Class.method`."""
    found = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        found |= set(_names(node))
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for member in node.body for name in _names(member)}
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    return [target.id for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize(("path", "name"), STEPS)
def test_a_step_of_the_walk_is_there(path: str, name: str) -> None:
    is_short = path.startswith(tuple(SHORT))
    assert name in names_of(f"bookstore_project/{path}" if is_short else path)


def test_every_row_is_a_step() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| file |")]
    assert len(rows) == len(STEP.findall(PAGE)) > 40
