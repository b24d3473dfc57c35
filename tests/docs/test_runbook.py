"""The runbook is true: its commands exist, and the messages that it quotes are the code's."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from bookstore_project.settings import topology

ROOT = topology.ROOT
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
PROSE = re.sub(r"```.*?```", "", RUNBOOK, flags=re.DOTALL)
SOURCES = [
    path
    for folder in ("bookstore_project", "catalog_app", "order_app", "frontend_app", "deploy")
    for path in (ROOT / folder).rglob("*.py")
    if "tests" not in path.relative_to(ROOT).parts
]
SQLITE_SAYS = {
    "database is locked",
    "disk is full",
    "disk I/O error",
    "attempt to write a readonly database",
}
"""https://sqlite.org/rescode.html"""
REFUSALS = ROOT / "bookstore_project" / "replication"


def literals(path: Path) -> str:
    """The file's text with its string literals joined as Python joins them, and `{...}` as a gap."""
    text = re.sub(r'"\s*\n\s*f?"', "", path.read_text())
    return re.sub(r"\{[^{}]*\}", "…", text)


CODE = "\n".join(literals(path) for path in SOURCES)


def commands() -> list[list[str]]:
    found = re.findall(r"manage\.py ([a-z][\w -]*(?: [\w./-]+)*)", re.sub(r"\s+", " ", RUNBOOK))
    return [words.split() for words in sorted(set(found))]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_the_runbook_exists(words: list[str]) -> None:
    name = words[0]
    assert name in get_commands(), f"no command {name}"
    if name == "replication":
        owner = get_commands()[name]
        assert isinstance(owner, str)
        help_text = load_command_class(owner, name).create_parser("manage.py", name).format_help()
        assert words[1] in help_text


def quoted() -> list[str]:
    """What stands in backquotes and is a sentence or part of one: a message."""
    spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", PROSE)]
    return sorted(
        {span for span in spans if " " in span and not re.match(r"\.venv|manage\.py|….|replication ", span)}
    )


@pytest.mark.parametrize("message", quoted())
def test_every_message_of_the_runbook_is_the_codes(message: str) -> None:
    assert message in SQLITE_SAYS or message in CODE


def refusals() -> list[str]:
    """Each refusal that replication can raise, with `…` for what is filled in."""
    found = set()
    for path in REFUSALS.rglob("*.py"):
        if "tests" not in path.relative_to(ROOT).parts:
            found |= set(re.findall(r'(?:Unavailable|ReplicaFault|BrokenChain)\(\s*f?"([^"]+)"', literals(path)))
    return sorted(refusal for refusal in found if telling_parts(refusal))


def telling_parts(refusal: str) -> list[str]:
    """The parts between what is filled in; none of a refusal that only passes on other words."""
    parts = [part.strip(" .") for part in re.split(r"[…;,:(]", refusal)]
    return [part for part in parts if len(part) > 8 and part != "nothing was changed"]


UNSEEN = {
    "… came back by itself meanwhile.",  # A repairer tells itself, and tries again.
    "… was replaced by somebody else meanwhile.",
    "it has no log",
    "it has no nonce: it was never prepared",
    "its log ends below the settled position",  # A poll of the front's: it asks the other replica.
}


@pytest.mark.parametrize("refusal", refusals())
def test_every_refusal_has_its_place_in_the_runbook(refusal: str) -> None:
    """Or is nothing that an operator meets: then it is named above."""
    text = re.sub(r"\s+", " ", RUNBOOK)
    assert refusal in UNSEEN or any(part in text for part in telling_parts(refusal)), (
        "docs/runbook.md says nothing of it"
    )
