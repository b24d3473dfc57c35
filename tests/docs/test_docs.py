"""The documentation is complete and true: settings, commands, targets, options, addresses."""

import re
from argparse import ArgumentParser, _SubParsersAction
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from bookstore_project.settings import topology
from tests.docs.pages import DOCS, README, ROOT, pages, rows, shell, title

APPS = ("bookstore_project", "catalog_app", "order_app", "frontend_app")
SOURCES = [
    path for folder in APPS for path in (ROOT / folder).rglob("*.py") if "tests" not in path.relative_to(ROOT).parts
]
COMMANDS = (DOCS / "commands.md").read_text()
OF_EVERY_COMMAND = {"--node"}
"""Read by `manage.py` itself."""


def variables_read() -> set[str]:
    """Every environment variable that the code reads."""
    found: set[str] = set()
    for path in SOURCES:
        text = path.read_text()
        found |= set(re.findall(r"\bBOOKSTORE_[A-Z_]+[A-Z]\b", text))
        found |= {f"BOOKSTORE_{name}" for name in re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', text)}
    # Replica addresses are read under the service's name.
    return found | {f"BOOKSTORE_{service.upper()}" for service in topology.SERVICES}


def test_settings_are_those_that_are_read() -> None:
    documented = re.findall(r"^\| `(BOOKSTORE_[A-Z_]+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(variables_read())


def test_no_page_names_a_setting_that_is_not_there() -> None:
    named = {name for page in pages() for name in re.findall(r"\bBOOKSTORE_[A-Z_]+[A-Z]\b", page.read_text())}
    assert named - variables_read() == set()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_targets_are_those_of_the_makefile() -> None:
    assert set(re.findall(r"^\| `make ([a-z-]+)", COMMANDS, re.MULTILINE)) == targets() - {"help"}


@pytest.mark.parametrize("page", pages(), ids=title)
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text()))
    named |= {target for command in shell(page.read_text()) for target in re.findall(r"\bmake ([a-z-]+)", command)}
    assert named - targets() == set()


def test_readme_and_ci_test_with_the_same_command() -> None:
    ci = re.findall(r"^make (lint|test)\b", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert "make test" in shell(README.read_text())
    assert ci == ["lint", "test"]


@cache
def own_commands() -> dict[str, str]:
    """The store's commands of manage.py, and those of Django's that it changes; each with all its help."""
    owners = {name: owner for name, owner in get_commands().items() if isinstance(owner, str)}
    return {
        name: whole_help(load_command_class(owner, name).create_parser("", name))
        for name, owner in owners.items()
        if owner.startswith(APPS)
    }


def whole_help(parser: ArgumentParser) -> str:
    """Its help, and that of its actions."""
    actions = [
        parts for part in parser._actions if isinstance(part, _SubParsersAction) for parts in part.choices.values()
    ]
    return "\n".join([parser.format_help(), *map(whole_help, actions)])


def test_commands_are_those_of_manage() -> None:
    named = {name for cell in rows(COMMANDS) for name in re.findall(r"`manage\.py (\w+)", cell)}
    assert named == set(own_commands())


def test_actions_on_copies_are_those_of_the_command() -> None:
    listed = re.search(r"\{([a-z,]+)\}", own_commands()["replication"])
    assert listed
    named = {name for cell in rows(COMMANDS) for name in re.findall(r"`manage\.py replication (\w+)", cell)}
    assert named == set(listed[1].split(","))


def named_commands() -> list[tuple[str, str]]:
    """Each page with each command line of manage.py that it shows."""
    return [
        (title(page), line)
        for page in pages()
        for line in [*shell(page.read_text()), *re.findall(r"`([^`]*manage\.py [^`]+)`", page.read_text())]
        if "manage.py " in line
    ]


@pytest.mark.parametrize(("page", "line"), sorted(set(named_commands())))
def test_command_lines_of_a_page_have_commands_and_options(page: str, line: str) -> None:
    name, *words = re.sub(r"\s+", " ", line).split("manage.py ")[1].split()
    assert name in get_commands()
    options = {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)} - OF_EVERY_COMMAND
    help_text = own_commands().get(name)
    assert {option for option in options if help_text and option not in help_text} == set()


def test_options_of_imports_exist() -> None:
    help_text = own_commands()["import_books"]
    named = set(re.findall(r"`(--[a-z-]+)", (DOCS / "import.md").read_text()))
    assert named
    assert {option for option in named if option not in help_text} == set()


@pytest.mark.parametrize("page", [README, DOCS / "api.md", DOCS / "breaking.md"], ids=title)
def test_addresses_of_the_front_exist(page: Path) -> None:
    paths = re.findall(r"(?:localhost|127\.0\.0\.1):8000(/[\w/.-]*)", page.read_text())
    assert paths
    missing = []
    for path in paths:
        try:
            resolve(path, urlconf="frontend_app.urls")
        except Resolver404:
            missing.append(path)
    assert missing == []


def test_metrics_of_a_shared_cache_are_those_of_the_documentation() -> None:
    """Which a store without a Redis doesn't show; all others are compared with a running store's (tests/cluster)."""
    named = set(re.findall(r"`bookstore_(shared_cache_\w+?)(?:_total)?`", (DOCS / "metrics.md").read_text()))
    source = (ROOT / "frontend_app" / "dashboard" / "metrics.py").read_text()
    assert named == set(re.findall(r'"(shared_cache_\w+)"', source))
