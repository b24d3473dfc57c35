"""Marks that take replicas out of the rotation, for every node that looks."""

from pathlib import Path

import pytest

from bookstore_project.api import problems
from bookstore_project.nodes import drains
from bookstore_project.nodes.balancing.tests.fakes import ONE, TWO
from bookstore_project.nodes.drains import LOOK_EVERY_S, Drains
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node
from tests.clock import Clock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(topology, "DRAINED_DIR", tmp_path / "drained")
    return tmp_path / "drained"


def everybody(node: Node) -> bool:
    return True


def nobody(node: Node) -> bool:
    return False


def test_a_mark_is_seen_within_a_moment_and_at_once_by_who_looks() -> None:
    clock = Clock()
    others, own = Drains(clock=clock), Drains(clock=clock)
    assert not others.is_drained(ONE)
    drains.drain(ONE, by="ann", is_answering=everybody)
    own.look()
    assert [each.is_drained(ONE) for each in (others, own)] == [False, True]
    clock.now += LOOK_EVERY_S
    assert others.is_drained(ONE)
    assert not others.is_drained(TWO)
    drains.undrain(ONE)
    clock.now += LOOK_EVERY_S
    assert not others.is_drained(ONE)


def test_a_mark_says_by_whom_and_survives_whoever_made_it() -> None:
    drains.drain(ONE, by="renée", is_answering=everybody)
    assert Drains().reason(ONE).startswith("drained by renée at 2")
    assert Drains().reason(TWO) == ""


def test_draining_twice_and_undraining_twice_is_no_error() -> None:
    for _ in range(2):
        drains.drain(ONE, by="ann", is_answering=everybody)
    for _ in range(2):
        drains.undrain(ONE)
    assert not drains.is_marked(ONE)


@pytest.mark.parametrize("is_marked", [True, False])
def test_the_last_replica_is_drained_by_force_only(is_marked: bool) -> None:
    if is_marked:
        drains.drain(TWO, by="ann", is_answering=everybody)
    with pytest.raises(problems.Conflict, match=f"{ONE.name} is the last"):
        drains.drain(ONE, by="ann", is_answering=everybody if is_marked else nobody)
    assert not drains.is_marked(ONE)
    drains.drain(ONE, by="ann", is_answering=nobody, is_forced=True)
    assert drains.is_marked(ONE)


def test_of_two_who_drain_at_the_same_moment_at_most_one_succeeds() -> None:
    def drain_that_one_too(node: Node) -> bool:
        (topology.DRAINED_DIR / node.name).parent.mkdir(exist_ok=True)
        (topology.DRAINED_DIR / node.name).touch()
        return True

    with pytest.raises(problems.Conflict):
        drains.drain(ONE, by="ann", is_answering=drain_that_one_too)
    assert not drains.is_marked(ONE)


def test_a_front_that_is_the_only_one_is_drained_by_force_only() -> None:
    (front,) = topology.replicas(topology.FRONT)
    with pytest.raises(problems.Conflict, match=f"No other front is in rotation: {front.name} is the last"):
        drains.drain(front, by="ann", is_answering=everybody)
    drains.drain(front, by="ann", is_answering=everybody, is_forced=True)
    assert Drains().is_drained(front)


def test_marks_that_cannot_be_read_leave_it_at_what_they_said(folder: Path) -> None:
    drains.drain(ONE, by="ann", is_answering=everybody)
    told = Drains()
    assert told.is_drained(ONE)
    folder.rename(folder.with_name("away"))
    folder.write_text("a file in its place")
    told.look()
    assert told.is_drained(ONE)
    with pytest.raises(problems.Unavailable, match="can't be marked"):
        drains.drain(ONE, by="ann", is_answering=everybody)


def test_an_empty_mark_counts(folder: Path) -> None:
    folder.mkdir()
    (folder / ONE.name).touch()
    assert Drains().is_drained(ONE)


def test_changes_are_told() -> None:
    told: list[tuple[str, bool]] = []
    mine = Drains(on_change=lambda name, is_drained: told.append((name, is_drained)))
    drains.drain(ONE, by="ann", is_answering=everybody)
    for _ in range(2):
        mine.look()
    drains.undrain(ONE)
    for _ in range(2):
        mine.look()
    assert told == [(ONE.name, True), (ONE.name, False)]
