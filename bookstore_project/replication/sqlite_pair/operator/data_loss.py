"""What is lost when one file's history counts: said in sentences before anybody says yes."""

from dataclasses import dataclass
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.log import entries
from bookstore_project.replication.log.descriptions import MOST_ROWS, describe
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison, source
from bookstore_project.replication.sqlite_pair.files.comparison import FileSummary, Relation
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS

UNREADABLE = (*REPLICA_ERRORS, ValueError, LookupError, TypeError)
"""What a log that is damaged raises, when its entries are described."""
IDS_PER_ENTRY = 1_000
UNKNOWN_ENTRIES = 1_000
"""How many entries are taken for lost where nobody can know."""


@dataclass(frozen=True)
class DataLoss:
    """`sentences` for people, empty if nothing is lost; `entries` that are lost, None if that can't be known."""

    sentences: tuple[str, ...]
    entries: int | None

    @property
    def ids_to_skip(self) -> int:
        """How far primary keys jump, so that what the lost history named is not named again.

        A lost sale's order, a lost book's address are still out there.
        """
        if self.entries == 0:
            return 0
        return IDS_PER_ENTRY * (UNKNOWN_ENTRIES if self.entries is None else self.entries + 1)


def beyond(service: Service, kept: FileSummary, floor: int | None, other: FileSummary | None) -> DataLoss:
    """What `kept` lacks: of what is known to be settled, and of what the other file holds, if it can be read.

    `floor` is None where there is no usable witness.
    """
    assert kept.head is not None
    head = kept.head.position
    sentences, lost = [], 0
    if floor is not None and floor > head:
        lost = floor - head
        sentences.append(f"Positions {head + 1} to {floor}, which are settled: {_entries(lost)}.")
    if other is not None and other.is_readable:
        try:
            rows = only_in(service, kept, other, replication_settings.files[other.alias])
        except UNREADABLE as error:
            rows = [f"{other.alias} can't be read any further: {error}"]
        if rows:
            sentences.append(f"{other.alias} holds, beyond what {kept.alias} has:")
            sentences += [f"  {row}" for row in rows[:MOST_ROWS]]
            if len(rows) > MOST_ROWS:
                sentences.append(f"  and {len(rows) - MOST_ROWS} more rows")
            assert other.head is not None
            lost = max(lost, other.head.position - head, 1)
    if floor is None and (other is None or not other.is_readable):
        sentences.append(
            f"There is no usable witness and no other file: what was settled beyond position {head}, "
            "if anything, can't be known."
        )
        return DataLoss(tuple(sentences), None)
    return DataLoss(tuple(sentences), lost)


def only_in(service: Service, kept: FileSummary, other: FileSummary, path: Path) -> list[str]:
    """The rows that entries of the other file, at the path, wrote which are not entries of the kept one.

    Raises one of UNREADABLE.
    """
    with source.snapshot_of(replication_settings.files[kept.alias]) as ours, source.snapshot_of(path) as theirs:
        common = comparison.relate(kept, other, ours, theirs)
        assert kept.head is not None
        after = kept.head.position
        if common.departed_at is not None:
            after = common.departed_at - 1
        elif common.relation is Relation.INCOMPARABLE:
            return ["a log that doesn't reach back far enough to be compared"]
        return list(describe(service, entries.entries_after(theirs, after)))


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
