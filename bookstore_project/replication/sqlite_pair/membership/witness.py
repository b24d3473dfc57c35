"""The witness: a small file that says which copies count, and up to where the log is settled.

Two slots of one file, each with a counter and a checksum, are written in turn: a torn write spoils one slot and
leaves the other. The file is opened by its path every time, so that nobody goes on with a file that was replaced,
and written only under the writer lock.
"""

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bookstore_project import files
from bookstore_project.replication.errors import Unavailable

SLOT_BYTES = 4096
_newest: dict[Path, tuple[str, int]] = {}
"""By path, the timeline and counter of the newest witness that this process has met."""
_past: dict[Path, set[str]] = {}
"""By path, the timelines that this process has seen end."""
_READS = 4
"""A reader may meet a writer in the middle of a slot: it looks again, and believes what it sees twice."""


class UnusableWitness(Unavailable):
    """It is missing, damaged or stale, and may have to be made anew. What can't be opened for once is none of it."""


@dataclass(frozen=True)
class FileRecord:
    """How the witness knows a replica's file: which inode, which incarnation, and how large at least."""

    identity: str
    nonce: str
    size_bytes: int
    written_ns: int | None = None
    """When the file was last written, while its `-wal` is `wal`; None if that isn't known. See `file_identity`."""
    wal: str = ""


@dataclass(frozen=True)
class Exclusion:
    """Why an alias is out of sync, and since when (RFC 3339, UTC)."""

    reason: str
    since: str
    must_be_copied: bool = False
    """Whether its content can't be trusted any more: to roll its log forward is not enough."""


@dataclass(frozen=True)
class Suspicion:
    """A fault of a copy that is in sync, found while it couldn't be taken out: nobody reads or writes it."""

    reason: str
    since: str
    must_be_copied: bool
    """As of an exclusion, if another copy turns out to be sound."""
    is_unvouched: bool = False
    """Whether all that is wrong is that nobody can say who wrote it last: a check of the whole file tells then."""


@dataclass(frozen=True)
class Witness:
    """What is agreed on. `floor` is the newest settled position; `in_sync` the aliases that have all of it."""

    timeline: str
    epoch: int
    in_sync: tuple[str, ...]
    floor: int
    files: Mapping[str, FileRecord]
    out: Mapping[str, Exclusion] = field(default_factory=dict)
    counter: int = 0
    """Of the slot that it was read from."""
    suspects: Mapping[str, Suspicion] = field(default_factory=dict)
    """Of those in sync, the ones that were found at fault, until that is cleared."""

    @property
    def trusted(self) -> tuple[str, ...]:
        """The aliases in sync that nothing speaks against."""
        if not self.suspects:
            return self.in_sync
        return tuple(alias for alias in self.in_sync if alias not in self.suspects)

    def assert_not_older_than(self, epoch: int) -> None:
        """Raises UnusableWitness if an in-sync file's log knows a later epoch: this is an old copy of the witness.

        A change of membership is in the witness before it is in a log.
        """
        if epoch > self.epoch:
            raise UnusableWitness(f"The witness is stale: its epoch is {self.epoch}, a log's is {epoch}.")

    @property
    def complaints(self) -> dict[str, str]:
        """By alias, why it is out of sync, or suspected."""
        out = {alias: exclusion.reason for alias, exclusion in self.out.items()}
        return out | {alias: suspicion.reason for alias, suspicion in self.suspects.items()}


_parsed: dict[tuple[Path, int], tuple[bytes, Witness]] = {}
"""By path and number, the slot that was read or written last, and what it says: equal bytes say the same."""


def read_witness(path: Path) -> Witness:
    """The newest whole slot; raises Unavailable if the file can't be read.

    UnusableWitness if it is missing, if no slot is whole, or if it is stale: an old copy was put in its place, for
    this process has met a newer one.
    """
    # What was known before the read began: one who reads at the same time may overtake this one.
    timeline, counter = _newest.get(path, ("", 0))
    witness, is_whole = _read_slots(path)
    # Where the newest slot is torn, the one before it counts.
    least = counter if is_whole else counter - 1
    if witness.timeline in _past.get(path, ()) or (witness.timeline == timeline and witness.counter < least):
        raise UnusableWitness(f"The witness {path.name} is stale: an old copy was put in its place.")
    _remember(path, witness)
    return witness


def _remember(path: Path, witness: Witness) -> None:
    timeline, counter = _newest.get(path, ("", 0))
    if witness.timeline != timeline and timeline:
        _past.setdefault(path, set()).add(timeline)
    if witness.timeline != timeline or witness.counter > counter:
        _newest[path] = (witness.timeline, witness.counter)


def _read_slots(path: Path) -> tuple[Witness, bool]:
    """The newest whole slot, and whether both are whole."""
    seen: bytes | None = None
    for _ in range(_READS):
        raw = _read(path)
        slots = [_slot(path, 0, raw[:SLOT_BYTES]), _slot(path, 1, raw[SLOT_BYTES : 2 * SLOT_BYTES])]
        whole = [slot for slot in slots if slot is not None]
        if len(whole) == len(slots) or (whole and raw == seen):
            return max(whole, key=lambda slot: slot.counter), len(whole) == len(slots)
        seen = raw
    raise UnusableWitness(f"The witness {path.name} is damaged: both of its slots fail their checksum.")


def write_witness(path: Path, witness: Witness, *, sync: bool, floor: int | None = None) -> Witness:
    """Writes the slot that `witness` wasn't read from; gives it back with its new counter, and any `floor` given.

    `sync` makes it durable, in both slots: needed for membership, not for the floor, which after a power cut is
    merely too low. Were it in one slot only, a floor written over it later, and torn by a power cut, would leave
    the other slot with a former membership. Raises OSError if the file can't be written.
    """
    renewed = witness
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for _ in range(2 if sync else 1):
            settled = renewed.floor if floor is None else floor
            renewed = replace(renewed, counter=renewed.counter + 1, floor=settled)
            slot, number = _serialize(renewed), renewed.counter % 2
            os.pwrite(descriptor, slot, number * SLOT_BYTES)
            _parsed[path, number] = slot, renewed
            if sync:
                os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _remember(path, renewed)
    return renewed


def create_witness(path: Path, witness: Witness) -> Witness:
    """Puts a new witness at the path, whole and durable at once. Raises OSError, and changes nothing."""
    first = replace(witness, counter=witness.counter + 1)
    slots = sorted((witness, first), key=lambda slot: slot.counter % 2)
    files.write(path, b"".join(map(_serialize, slots)), sync=True)
    _remember(path, first)
    return first


def _read(path: Path) -> bytes:
    try:
        return files.read(path, 2 * SLOT_BYTES)
    except OSError as error:
        kind = UnusableWitness if files.is_out_of_place(error) else Unavailable
        raise kind(f"The witness {path.name} can't be read: {error.strerror}.") from error


def _serialize(witness: Witness) -> bytes:
    # vars(), not asdict(), which copies everything it meets: this is written with every transaction.
    files = {alias: vars(record) for alias, record in witness.files.items()}
    out = {alias: vars(exclusion) for alias, exclusion in witness.out.items()}
    members = vars(witness) | {"files": files, "out": out}
    if witness.suspects:
        members["suspects"] = {alias: vars(suspicion) for alias, suspicion in witness.suspects.items()}
    else:
        del members["suspects"]  # As processes of older code know it.
    text = _encode(members)
    # A lone surrogate, of a file name that isn't UTF-8, is written as JSON has it.
    body = text.encode(errors="backslashreplace")
    slot = b"%08x %s" % (zlib.crc32(body), body)
    return slot.ljust(SLOT_BYTES - 1) + b"\n"


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # json.dumps() makes one each time.


def _slot(path: Path, number: int, raw: bytes) -> Witness | None:
    known = _parsed.get((path, number))
    if known is not None and known[0] == raw:
        return known[1]
    witness = _parse(raw)
    if witness is not None:
        _parsed[path, number] = raw, witness
    return witness


def _parse(slot: bytes) -> Witness | None:
    checksum, _, body = slot.rstrip().partition(b" ")
    if len(slot) != SLOT_BYTES or b"%08x" % zlib.crc32(body) != checksum:
        return None
    try:
        return _of_members(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError):  # Its checksum is right, and it is none of ours.
        return None


def _of_members(members: dict[str, Any]) -> Witness:
    files = {alias: FileRecord(**record) for alias, record in members.pop("files").items()}
    out = {alias: Exclusion(**record) for alias, record in members.pop("out").items()}
    suspects = {alias: Suspicion(**record) for alias, record in members.pop("suspects", {}).items()}
    return Witness(files=files, out=out, suspects=suspects, in_sync=tuple(members.pop("in_sync")), **members)


def unvouched(witness: Witness, *aliases: str) -> Witness:
    """The witness that doesn't say when these files were last written."""
    return replace(
        witness,
        files={
            alias: replace(record, written_ns=None) if alias in aliases else record
            for alias, record in witness.files.items()
        },
    )
