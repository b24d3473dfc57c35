"""Runs that broke a promise once: none does any more, and those that were found in a broken store still find it."""

import re

import pytest

from tests.simulation import finds
from tests.simulation.warm import simulate

pytestmark = [pytest.mark.processes, pytest.mark.large]
FINDS = {find.name: find for find in map(finds.read, sorted(finds.FOUND.glob("*.json")))}
WITH_MUTANTS = [find.name for find in FINDS.values() if find.broken]


def test_no_run_that_was_found_breaks_a_promise() -> None:
    replayed = simulate("--replay", str(finds.FOUND), "--quiet")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert len(re.findall("^seed ", replayed.stdout, re.MULTILINE)) == len(FINDS) > 0


@pytest.mark.parametrize("name", WITH_MUTANTS)
def test_a_run_that_found_a_broken_protocol_finds_it_again(name: str) -> None:
    replayed = simulate("--replay", str(finds.FOUND / f"{name}.json"), "--quiet", "--broken", FINDS[name].broken)
    assert replayed.returncode == 1, replayed.stdout + replayed.stderr
    assert FINDS[name].promise.replace("#", "1") in replayed.stdout
