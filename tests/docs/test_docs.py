"""The documentation is true: what it must name it names, and what it names exists."""

import re
from pathlib import Path

import pytest

from bookstore_project.settings import topology

ROOT = topology.ROOT
README = (ROOT / "README.md").read_text()
SOURCES = [
    path
    for folder in ("bookstore_project", "catalog_app", "order_app", "frontend_app")
    for path in (ROOT / folder).rglob("*.py")
    if "tests" not in path.parts
]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def variables_read() -> set[str]:
    """Every environment variable that the code reads."""
    found: set[str] = set()
    for path in SOURCES:
        text = path.read_text()
        found |= set(re.findall(r"\bBOOKSTORE_[A-Z_]+[A-Z]\b", text))
        found |= {f"BOOKSTORE_{name}" for name in re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', text)}
    return found


def variables_documented() -> set[str]:
    return set(re.findall(r"^\| `(BOOKSTORE_[A-Z_]+)` \|", README, re.MULTILINE))


def test_every_environment_variable_is_documented() -> None:
    # Replica addresses are read under the service's name.
    read = variables_read() | {f"BOOKSTORE_{service.upper()}" for service in topology.APPS_OF_SERVICE}
    assert read - variables_documented() == set()


def test_every_documented_variable_is_read() -> None:
    read = variables_read() | {f"BOOKSTORE_{service.upper()}" for service in topology.APPS_OF_SERVICE}
    assert variables_documented() - read == set()


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)`?", README)) - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    missing = []
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (page.parent / link).exists():
            missing.append(link)
    for name in re.findall(r"`((?:bookstore_project|catalog_app|order_app|frontend_app|tests|docs)/[\w/.-]*)`", text):
        if not (ROOT / name).exists():
            missing.append(name)
    assert missing == []
