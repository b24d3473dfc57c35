"""The witness: two slots written in turn, of which a torn one costs nothing."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import (
    SLOT_BYTES,
    FileRecord,
    Witness,
    create_witness,
    read_witness,
    write_witness,
)

FIRST = Witness("abcd", 1, ("a-1", "a-2"), 0, {"a-1": FileRecord("1:2", "n", 4096)})


def tear(path: Path, slot: int) -> None:
    """As a write that was cut short leaves it."""
    content = bytearray(path.read_bytes())
    content[slot * SLOT_BYTES + 20 : (slot + 1) * SLOT_BYTES] = b"\0" * (SLOT_BYTES - 20)
    path.write_bytes(content)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    created = create_witness(path, FIRST)
    assert read_witness(path) == created
    written = write_witness(path, replace(created, floor=7, epoch=2, in_sync=("a-2",)), sync=True)
    assert read_witness(path) == written
    assert (written.floor, written.epoch, written.in_sync, written.files) == (7, 2, ("a-2",), FIRST.files)


def test_slots_are_written_in_turn_and_the_newest_counts(tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    witness = create_witness(path, FIRST)
    for floor in range(1, 6):
        before = path.read_bytes()
        witness = write_witness(path, replace(witness, floor=floor), sync=False)
        after = path.read_bytes()
        changed = [
            slot
            for slot in (0, 1)
            if before[slot * SLOT_BYTES :][:SLOT_BYTES] != after[slot * SLOT_BYTES :][:SLOT_BYTES]
        ]
        assert changed == [witness.counter % 2]
        assert read_witness(path).floor == floor


@pytest.mark.parametrize("floor", [4, 5])
def test_a_torn_write_leaves_the_one_before(tmp_path: Path, floor: int) -> None:
    path = tmp_path / "witness.json"
    witness = create_witness(path, FIRST)
    for position in range(1, floor + 1):
        witness = write_witness(path, replace(witness, floor=position), sync=False)
    tear(path, witness.counter % 2)
    survivor = read_witness(path)
    assert survivor.floor == floor - 1
    assert write_witness(path, replace(survivor, floor=floor), sync=False).floor == read_witness(path).floor == floor


@pytest.mark.parametrize("slot", [0, 1])
def test_membership_stands_in_both_slots(tmp_path: Path, slot: int) -> None:
    """Of the floors written after it some may be lost in a power cut, and the last one torn."""
    path = tmp_path / "witness.json"
    write_witness(path, replace(create_witness(path, FIRST), in_sync=("a-2",), epoch=2), sync=True)
    tear(path, slot)
    assert (read_witness(path).in_sync, read_witness(path).epoch) == (("a-2",), 2)


def test_each_slot_of_a_membership_is_durable_before_the_next_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    write, sync = os.pwrite, os.fsync

    def noted_write(descriptor: int, content: bytes, offset: int) -> int:
        done.append(f"write {offset}")
        return write(descriptor, content, offset)

    def noted_sync(descriptor: int) -> None:
        done.append("sync")
        sync(descriptor)

    path = tmp_path / "witness.json"
    witness = create_witness(path, FIRST)
    monkeypatch.setattr(os, "pwrite", noted_write)
    monkeypatch.setattr(os, "fsync", noted_sync)
    witness = write_witness(path, replace(witness, in_sync=("a-2",)), sync=True)
    assert done == ["write 0", "sync", f"write {SLOT_BYTES}", "sync"]
    write_witness(path, replace(witness, floor=1), sync=False)
    assert done[4:] == ["write 0"], "a floor that is lost is merely too low"


@pytest.mark.parametrize("content", [b"", b"\0" * 2 * SLOT_BYTES, b"{}", b"x" * SLOT_BYTES, b"00000000 " * 2000])
def test_a_witness_without_a_whole_slot_is_unusable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "witness.json"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="damaged"):
        read_witness(path)


def test_a_missing_witness_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be read"):
        read_witness(tmp_path / "witness.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unavailable, match="can't be read"):
        read_witness(tmp_path / "folder")


@pytest.mark.parametrize("character", ["x", "\N{GRINNING FACE}", "\udcff", "\0"])
def test_the_longest_reasons_fit_into_a_slot(tmp_path: Path, character: str) -> None:
    path = tmp_path / "witness.json"
    known = create_witness(path, replace(FIRST, files=dict.fromkeys(("shelf-1", "shelf-2"), FIRST.files["a-1"])))
    reason = in_sync_set.out_because(OSError(character * 1000))
    written = write_witness(path, replace(known, out=dict.fromkeys(known.files, reason)), sync=True)
    assert path.stat().st_size == 2 * SLOT_BYTES
    assert read_witness(path) == written
