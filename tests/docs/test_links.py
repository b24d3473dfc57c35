"""Links of the documentation lead somewhere, and every page can be found."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.course.labs import LABS, Lab
from tests.docs.pages import DOCS, README, ROOT, anchors, links, pages, prose, title, tracked

MOST_LINES = 200
OF_A_SHEET = 60
"""A screen, or a page in print."""
COURSE = DOCS / "course"
OF_DJANGO = {"AppConfig"}
OF_HISTORY = "CHANGELOG.md"
"""Names files that were."""


@pytest.mark.parametrize("page", pages(), ids=title)
def test_links_lead_somewhere(page: Path) -> None:
    missing = []
    for path, anchor in links(page.read_text()):
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            missing.append(f"{path}#{anchor}")
    assert missing == []


def is_there(name: str, files: tuple[str, ...]) -> bool:
    """Whether files have that path, or one that ends so; a folder's ends with a slash."""
    tail = f"/{name}"
    return any(tail in f"/{file}" if name.endswith("/") else f"/{file}".endswith(tail) for file in files)


@pytest.mark.parametrize("page", [page for page in pages() if page.name != OF_HISTORY], ids=title)
def test_modules_and_folders_that_a_page_names_exist(page: Path) -> None:
    text = prose(page.read_text())
    named = set(re.findall(r"`([\w/.-]+\.(?:py|html))`", text))
    folders = "bookstore_project|catalog_app|order_app|frontend_app|tests|docs|deploy|benchmarks|demo"
    named |= set(re.findall(rf"`((?:{folders})/[\w/.-]*)`", text))
    named -= set(re.findall(r"^`([^`\n]+)`:\n\n```python", page.read_text(), re.MULTILINE))  # It has them written.
    if page.parent == COURSE:
        named -= to_be_written()
    missing = {name for name in named if not is_there(name, tracked()) and not any((ROOT / name).glob("*"))}
    assert missing == set()


def to_be_written() -> set[str]:
    """Files that a lab asks for: its model solution has them."""
    patches = (lab.solution.read_text() for lab in LABS.values())
    return {name for patch in patches for name in re.findall(r"^--- /dev/null\n\+\+\+ b/(.*)$", patch, re.MULTILINE)}


@pytest.mark.parametrize("index", [DOCS / "README.md", DOCS / "adr" / "README.md", COURSE / "README.md"], ids=title)
def test_an_index_names_every_page(index: Path) -> None:
    linked = {(index.parent / path).resolve() for path, _ in links(index.read_text()) if path}
    here = set(index.parent.glob("*.md")) - {index}
    if index.parent == DOCS:
        here |= {page for page in pages() if page.name == "DESIGN.md"}
    assert here - linked == set(), f"Add a line for it to {title(index)}"


def test_the_readme_leads_to_every_page_for_users() -> None:
    assert "docs/README.md" in {path for path, _ in links(README.read_text())}


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("lab", LABS.values(), ids=lambda lab: lab.title)
def test_a_sheet_of_the_course_fits_a_screen(lab: Lab) -> None:
    assert len(lab.sheet.read_text().splitlines()) <= OF_A_SHEET


@cache
def code_names() -> set[str]:
    """Modules, and what they define."""
    modules = [ROOT / name for name in tracked() if name.endswith(".py")]
    found = {module.parent.name if module.stem == "__init__" else module.stem for module in modules}
    for module in modules:
        found |= set(re.findall(r"^ *(?:async )?(?:def|class) (\w+)", module.read_text(), re.MULTILINE))
    return found


@pytest.mark.parametrize("page", [page for page in pages() if page.name == "DESIGN.md"], ids=title)
def test_modules_and_tests_that_a_design_names_exist(page: Path) -> None:
    """Those in brackets behind what they do (`mutex`), and those in the table of tests."""
    text = prose(page.read_text())
    named = {name for group in re.findall(r"\((`[a-z_.]+`(?:, `[a-z_.]+`)*)\)", text) for name in group.split(", ")}
    named |= set(re.findall(r"`test_\w+`", text))
    parts = {part for name in named for part in name.strip("`").removesuffix(".py").split(".")}
    assert parts - code_names() == set()


@pytest.mark.parametrize("page", [page for page in pages() if page.name != OF_HISTORY], ids=title)
def test_methods_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`([A-Z][A-Za-z]+)\.([a-z_]+)\b[^`]*`", prose(page.read_text()))
    assert {name for pair in named for name in pair} - code_names() - OF_DJANGO == set()
