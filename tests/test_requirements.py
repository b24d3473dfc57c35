"""Whatever is installed is pinned, with each Python and on each machine that the store runs on."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.store import ROOT

PYTHONS = ("3.11.0", "3.11.2", "3.11.14", "3.12.0", "3.13.0")
"""Some libraries need others only with an old release of 3.11, as Debian 12 has it."""
INCLUDED = re.compile(r"-r (.+)")


def pins(path: Path) -> Iterator[Requirement]:
    for line in (line.partition("  #")[0].strip() for line in path.read_text().splitlines()):
        if included := INCLUDED.fullmatch(line):
            yield from pins(path.parent / included[1])
        elif line and not line.startswith("#"):
            yield Requirement(line)


def needed(pin: Requirement, environment: dict[str, str]) -> Iterator[Requirement]:
    """What this library needs there, with those of its extras that are asked for."""
    try:
        told = requires(pin.name) or []
    except PackageNotFoundError:  # Not needed here.
        return
    for each in map(Requirement, told):
        if each.marker is None or any(
            each.marker.evaluate(environment | {"extra": name}) for name in ("", *pin.extras)
        ):
            yield each


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "deploy/requirements-hosts.txt"])
def test_whatever_is_installed_is_pinned(name: str, python: str) -> None:
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    pinned = [pin for pin in pins(ROOT / name) if pin.marker is None or pin.marker.evaluate(environment)]
    names = {canonicalize_name(pin.name) for pin in pinned}
    assert [pin.name for pin in pinned if not re.fullmatch(r"==[^*]+", str(pin.specifier))] == []
    missing = {
        (pin.name, each.name)
        for pin in pinned
        for each in needed(pin, environment)
        if canonicalize_name(each.name) not in names
    }
    assert missing == set()
