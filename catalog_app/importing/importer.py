"""The import of one file: records in, batches out, and what can't be used put aside."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from catalog_app.importing.batches import ACTOR, Outcome, Patience, write_batch
from catalog_app.importing.deduplication import Identities
from catalog_app.importing.errors import Reason, RowRejected, RowRepeated
from catalog_app.importing.exported import ExportedRows
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.past import Past
from catalog_app.importing.progress import Progress, Totals
from catalog_app.importing.records import Record, Source
from catalog_app.importing.rows import Row, RowParser

EXPORTED = frozenset(("id", "version", "retired"))
"""Columns that tell an export of the store."""
NOTED = 500
"""Of the rows that say nothing new, or of which something was left out, those that are told by line."""


class TakesRejects(Protocol):
    """Where rows go that can't be used."""

    def add(self, record: Record, reasons: Sequence[Reason]) -> None: ...


Write = Callable[[Sequence[Row], Past], Outcome]


@dataclass
class Importer:
    """Takes a source to the store, batch by batch; `totals` is true at every moment, also after an exception.

    `write` takes a batch: `into_store` makes one that writes it; a preview has another.
    """

    source: Source
    parser: RowParser
    rejects: TakesRejects
    progress: Progress
    interruption: Interruption
    batch_size: int
    write: Write
    totals: Totals = field(default_factory=Totals)
    notes: list[tuple[int, Reason]] = field(default_factory=list)
    """What was left out of rows that went in, by line; the first NOTED of them."""
    repeats: list[tuple[int, Reason]] = field(default_factory=list)
    """The rows that say what one before has said, and which; the first NOTED of them."""
    _identities: Identities = field(init=False)
    _exported: ExportedRows | None = field(init=False)
    _past: Past = field(init=False)
    _retired: int | None = field(init=False)
    """Which cell says that a book was retired, in an export of the store."""
    _number: int | None = field(init=False)
    """Which cell has the id of a book, in an export of the store."""

    def __post_init__(self) -> None:
        header = list(self.source.header)
        is_export = set(header) >= EXPORTED
        self._identities = Identities()
        self._exported = ExportedRows() if is_export else None
        self._past = Past(self._exported)
        self._retired = header.index("retired") if is_export else None
        self._number = header.index("id") if is_export else None

    def run(self) -> None:
        """Once. Raises KeyboardInterrupt between two batches, Unavailable or OutcomeUnknown if the store is away."""
        with closing(self._identities), closing(self._past):
            if self._exported is None:
                self._write_all(self._rows())
                return
            with closing(self._exported):
                for row in self._rows():
                    self._exported.add(row)
                self._write_all(self._exported)

    def _rows(self) -> Iterator[Row]:
        """Those of the file that go into the store; the others are counted and put aside."""
        for record in self.source.records:
            self.interruption.check()
            row = self._take(record)
            self.progress.show(self.totals, self.source.fraction_read())
            if row is not None:
                yield row

    def _write_all(self, rows: Iterable[Row]) -> None:
        batch: list[Row] = []
        for row in rows:
            batch.append(row)
            if len(batch) >= self.batch_size:
                self._write(batch)
                batch = []
        if batch:
            self._write(batch)

    def _take(self, record: Record) -> Row | None:
        """The record as a row to write; None if it is rejected, repeated, empty or of a retired book."""
        self.totals.rows += 1
        if self._is_retired(record):
            self.totals.retired += 1
            return None
        try:
            row = self.parser.parse(record)
            if row is not None:
                row = replace(row, number=self._number_in(record))
            placed = None if row is None else self._identities.place(row)
        except RowRejected as rejection:
            self.totals.rejected += 1
            self.rejects.add(record, rejection.reasons)
            if self._exported is not None and (isbn13 := self.parser.isbn13_of(record)) is not None:
                self._exported.add_rejected(isbn13)
            return None
        except RowRepeated as repeat:
            self.totals.repeated += 1
            if len(self.repeats) < NOTED:
                self.repeats.append((record.line, Reason(str(repeat))))
            return None
        if row is None or placed is None:
            self.totals.blank += 1
            return None
        self._count(row, placed)
        return placed

    def _number_in(self, record: Record) -> str:
        """The id that an export of the store gives its book; empty if the file gives none."""
        if self._number is None or len(record.cells) <= self._number:
            return ""
        return record.cells[self._number].strip()

    def _is_retired(self, record: Record) -> bool:
        """Whether it is a book that was taken out of the shop on purpose: another one may have its ISBN by now."""
        if self._retired is None or record.problem or len(record.cells) <= self._retired:
            return False
        return record.cells[self._retired].strip().casefold() == "yes"

    def _count(self, row: Row, placed: Row) -> None:
        self.totals.rebuilt += row.found.is_rebuilt and placed.isbn13 is not None
        self.totals.unsound += row.found.is_unsound
        self.totals.shared += placed.isbn13 != row.isbn13
        self.totals.currencies.update({row.currency} - {""})
        notes = list(row.notes)
        if placed.isbn13 != row.isbn13:
            notes.append(Reason(f"ISBN {row.isbn13} is another book's of this file: left out"))
        self.totals.noted += len(notes)
        self.notes += [(row.line, note) for note in notes[: NOTED - len(self.notes)]]

    def _write(self, batch: list[Row]) -> None:
        self.interruption.check()
        outcome = self.write(batch, self._past)
        self._past.add(outcome.step)
        self.totals.imported += outcome.imported
        self.totals.updated += outcome.updated
        self.totals.present += outcome.present
        self.totals.by_default += outcome.by_default
        self.progress.show(self.totals, self.source.fraction_read())


def into_store(
    progress: Progress,
    interruption: Interruption,
    *,
    update: bool,
    actor: str = ACTOR,
    patience_s: float | None = None,
) -> Write:
    """Writes each batch by a replicated transaction. `actor` is who the ledger says did it.

    A batch is tried again for `patience_s` (None is for PATIENCE_S) while the store can't take it.
    """
    patience = Patience(tell=progress.say, pause=interruption.pause, limit_s=patience_s)

    def write(rows: Sequence[Row], past: Past) -> Outcome:
        return write_batch(rows, past, update=update, patience=patience, actor=actor)

    return write
