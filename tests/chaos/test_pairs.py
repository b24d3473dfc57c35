"""Pairs of faults are drawn from those that can befall the files at hand, and always leave something."""

import random
from pathlib import Path
from typing import Any, cast

import pytest

from tests.chaos.faults import Fault, Scene
from tests.chaos.file_faults import ELSEWHERE, FILE_FAULTS, put_back
from tests.chaos.operator import Operator
from tests.chaos.pairs import Pairs, for_pairs
from tests.chaos.run import ALL

LEAVING = {
    "disk-full",
    "file-locked",
    "file-locked-whole",
    "file-read-only",
    "file-renamed",
    "folder-read-only",
}


def pairs_of(seed: int) -> Pairs:
    nobody = cast("Any", None)
    return Pairs(nobody, for_pairs(ALL), random.Random(seed), print, nobody, nobody, 1.0)


def drawn(first: str, second: str) -> list[tuple[Fault, Fault]]:
    found = [pairs_of(seed).draw(first, second) for seed in range(300)]
    return [pair for pair in found if pair is not None]


def test_one_of_two_files_can_be_had_again() -> None:
    found = drawn("catalog-1", "order-2")
    assert len(found) == 300
    for one, other in found:
        assert {one.name, other.name} & LEAVING


def test_one_file_may_be_struck_twice_in_any_way() -> None:
    assert any(not {one.name, other.name} & LEAVING for one, other in drawn("order-1", "order-1"))


def test_all_faults_of_files_come_in_pairs_but_those_that_show_in_reads() -> None:
    names = {fault.name for pair in drawn("catalog-1", "catalog-2") for fault in pair}
    assert names >= {fault.name for fault in FILE_FAULTS if not fault.is_silent} - {"disk-full"}
    assert "file-bits" not in names


class OfOneFolder:
    """As much of a scene as a file that comes back takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, alias: str) -> Path:
        return self.folder / alias / "file"


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_file_that_was_renamed_is_put_back_unless_another_has_its_place(tmp_path: Path, is_taken: bool) -> None:
    scene = cast("Scene", OfOneFolder(tmp_path))
    place = scene.file("order-2")
    place.parent.mkdir()
    place.with_name(ELSEWHERE).write_text("as it was")
    if is_taken:
        place.write_text("another")
    assert put_back(scene, "order") is not is_taken
    assert place.read_text() == ("another" if is_taken else "as it was")


def test_an_operator_who_can_do_nothing_says_so(tmp_path: Path) -> None:
    scene = cast("Scene", OfOneFolder(tmp_path))
    operator = Operator(scene, print, lambda *arguments: f"{arguments[0]} is no use", cast("Any", None))
    patience: list[float] = []

    def is_healed(seconds: float) -> bool:
        patience.append(seconds)
        return False

    operator.help("catalog", is_healed)
    assert operator.stuck == ["status is no use"]
    assert patience[-1] >= 60, "a busy machine takes its time"
    assert operator.decisions == []
