"""The import of one file: records in, batches out, and what can't be used put aside."""

from dataclasses import dataclass, field
from typing import Protocol

from catalog_app.importing.batches import ACTOR, Patience, write_batch
from catalog_app.importing.errors import RowRejected
from catalog_app.importing.identities import Identities
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.progress import Progress, Totals
from catalog_app.importing.rows import Row, RowParser
from catalog_app.importing.source import Record, Source


class TakesRejects(Protocol):
    """Where rows go that can't be used."""

    def add(self, record: Record, reason: str) -> None: ...


@dataclass
class Importer:
    """Imports a source, batch by batch; `totals` is true at every moment, also after an exception.

    `actor` is who the ledger says did it.
    """

    source: Source
    parser: RowParser
    rejects: TakesRejects
    progress: Progress
    interruption: Interruption
    batch_size: int
    update: bool
    actor: str = ACTOR
    patience_s: float | None = None
    """How long a batch is tried again while the store can't take it; None is for PATIENCE_S."""
    totals: Totals = field(default_factory=Totals)
    _identities: Identities = field(default_factory=Identities)

    def run(self) -> None:
        """Raises KeyboardInterrupt between two batches, Unavailable or OutcomeUnknown if the store stays away."""
        batch: list[Row] = []
        for record in self.source.records:
            self.interruption.check()
            row = self._take(record)
            if row is not None:
                batch.append(row)
            if len(batch) >= self.batch_size:
                self._write(batch)
                batch = []
            self.progress.show(self.totals, self.source.fraction_read())
        self.interruption.check()
        if batch:
            self._write(batch)

    def _take(self, record: Record) -> Row | None:
        """The record as a row to write; None if it is rejected or repeats another."""
        self.totals.rows += 1
        try:
            row = self.parser.parse(record)
        except RowRejected as rejection:
            self.totals.rejected += 1
            self.rejects.add(record, str(rejection))
            return None
        placed = self._identities.place(row)
        if placed is None:
            self.totals.repeated += 1
            return None
        self.totals.rebuilt += row.found.is_rebuilt and placed.isbn13 is not None
        self.totals.unsound += row.found.is_unsound
        self.totals.shared += placed.isbn13 != row.isbn13
        return placed

    def _write(self, batch: list[Row]) -> None:
        patience = Patience(tell=self.progress.say, pause=self.interruption.pause, limit_s=self.patience_s)
        outcome = write_batch(batch, update=self.update, patience=patience, actor=self.actor)
        self.totals.imported += outcome.imported
        self.totals.updated += outcome.updated
        self.totals.present += outcome.present
