"""Lab 4: are there schedules that show a stale read where the store's coherence is broken, and only there?"""

import json

import pytest

from tests.course.breaks import MARK
from tests.course.labs import ROOT
from tests.mutants import workshop
from tests.waiting import PATIENCE_S

FILE = "tests/coherence/test_lab_4.py"
Ended = list[dict[str, str | None]]


@pytest.fixture(scope="module")
def ended() -> Ended:
    """How the student's tests ended: each with each break, and with none."""
    if not (ROOT / FILE).exists():
        return []
    status, output = workshop.run_tests(ROOT, ["-p", "tests.course.breaks", "--maxfail=0", FILE], PATIENCE_S)
    told = [line.removeprefix(MARK) for line in output.splitlines() if line.startswith(MARK)]
    assert status is not None, f"they hadn't ended after {PATIENCE_S:g} s"
    assert told, f"pytest ended with {status}:\n{output}"
    found: Ended = json.loads(told[-1])
    return found


def sound(ended: Ended) -> set[str | None]:
    """Tests that pass as the store is, whatever cache it has."""
    unbroken = [each for each in ended if each["break"] == ""]
    return {each["test"] for each in unbroken} - {each["test"] for each in unbroken if each["seen"] is not None}


def assert_found(ended: Ended, name: str) -> None:
    """One sound test fails with the break, because what it saw isn't what it had to see."""
    seen = [each["seen"] for each in ended if each["break"] == name and each["test"] in sound(ended)]
    assert seen, "there is no test that passes as the store is"
    assert any(each and each.startswith("AssertionError") for each in seen), (
        f"no test failed by an assertion; {len(seen)} ran: {', '.join(each or 'passed' for each in seen)}"
    )


def test_there_is_a_schedule(ended: Ended) -> None:
    """tests/coherence/test_lab_4.py has a test, and all its tests pass as the store is."""
    assert (ROOT / FILE).exists(), f"there is no file {FILE}"
    failed = [f"{each['test']}: {each['seen']}" for each in ended if each["break"] == "" and each["seen"]]
    assert ended, "it has no test"
    assert not failed, failed[0]


def test_it_finds_a_missing_floor_check(ended: Ended) -> None:
    """A schedule finds the stale read when no entry is compared with its key's floor."""
    assert_found(ended, "no floor check")


def test_it_finds_forgotten_floors(ended: Ended) -> None:
    """A schedule finds the stale read when a floor is forgotten as soon as a new entry has come."""
    assert_found(ended, "floors are forgotten")


def test_it_finds_a_missing_lease(ended: Ended) -> None:
    """A schedule finds the stale read when the cache is used without a lease."""
    assert_found(ended, "no lease")
