"""What an import would do, told before anything is written: the same steps, with a store that is only read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bookstore_project.replication import reads
from bookstore_project.settings import topology
from catalog_app.importing.batches import Outcome
from catalog_app.importing.errors import Reason
from catalog_app.importing.importer import Importer
from catalog_app.importing.known_books import Decision, KnownBooks
from catalog_app.importing.matching import KnownBook
from catalog_app.importing.past import Past
from catalog_app.importing.progress import Totals
from catalog_app.importing.records import Record
from catalog_app.importing.rows import Row, shortened

FIRST = 5
"""Rows that are told of each kind."""


@dataclass(frozen=True)
class Told:
    """A row of a preview: where it stands, which book it is, and what would be done with it."""

    line: int
    book: str
    what: str = ""


@dataclass
class Preview:
    """The first rows of each kind; how many there are is in `totals`."""

    added: list[Told] = field(default_factory=list)
    changed: list[Told] = field(default_factory=list)
    left_alone: list[Told] = field(default_factory=list)
    rejected: list[tuple[int, Sequence[Reason]]] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    notes: list[tuple[int, Reason]] = field(default_factory=list)
    repeats: list[tuple[int, Reason]] = field(default_factory=list)

    @property
    def left_out(self) -> list[tuple[int, str]]:
        return left_out(self.totals)

    def add(self, record: Record, reasons: Sequence[Reason]) -> None:
        """Takes a rejected row."""
        if len(self.rejected) < FIRST:
            self.rejected.append((record.line, reasons))

    def take(self, decision: Decision) -> None:
        row = decision.row
        book = shortened(f"{row.title} / {row.authors}" if row.authors else row.title)
        if decision.known is None:
            kind, what = self.added, f"ISBN {row.isbn13 or '-'}, {row.topic}, {row.price}, stock {row.quantity}"
        elif decision.changes:
            kind, what = self.changed, decision.description
        else:
            kind, what = self.left_alone, why_left_alone(decision.known, row)
        if len(kind) < FIRST:
            kind.append(Told(row.line, book, what))


def why_left_alone(known: KnownBook, row: Row) -> str:
    """What isn't seen by the row itself; empty if nothing is."""
    reasons = ["retired"] if known.is_retired else []
    if known.identity != row.identity:
        reasons.append(f"ISBN {row.isbn13} is that of {shortened(known.values['title'])}")
    return ", ".join(reasons)


def previewing(preview: Preview, *, update: bool) -> Callable[[Sequence[Row], Past], Outcome]:
    """Takes batches as a store does, and decides on each by a gated read; raises Unavailable if there is none."""

    def decide(rows: Sequence[Row], past: Past) -> Outcome:
        known_books = KnownBooks(past)
        with reads.reading(topology.CATALOG):
            known_books.load(rows)
        decisions = [known_books.decide(row, update=update) for row in rows]
        for decision in decisions:
            preview.take(decision)
        return Outcome.of(decisions, known_books.step())

    return decide


def preview_of(importer: Importer, preview: Preview) -> Preview:
    """Runs an importer whose batches go to `previewing`."""
    importer.run()
    preview.totals, preview.notes, preview.repeats = importer.totals, importer.notes, importer.repeats
    return preview


def left_out(totals: Totals) -> list[tuple[int, str]]:
    """Rows that would be neither; with the others they are all rows of the file."""
    kinds = (
        (totals.repeated, "repeated within the file"),
        (totals.blank, "blank in all columns that count"),
        (totals.retired, "retired and left out"),
    )
    return [(count, what) for count, what in kinds if count]


def describe(preview: Preview) -> list[str]:
    """As lines for a terminal."""
    totals = preview.totals
    lines: list[str] = []
    for title, count, rows in (
        ("would be added", totals.imported, preview.added),
        ("would be changed", totals.updated, preview.changed),
        ("would be left alone", totals.present, preview.left_alone),
    ):
        lines.append(f"{count:,} {title}{':' if rows else '.'}")
        lines += [f"  line {told.line}: {told.book}{f' ({told.what})' if told.what else ''}" for told in rows]
        lines += _more(count, len(rows))
    lines.append(f"{totals.rejected:,} would be rejected{':' if preview.rejected else '.'}")
    lines += [f"  line {line}: {'; '.join(map(str, reasons))}" for line, reasons in preview.rejected]
    lines += _more(totals.rejected, len(preview.rejected))
    lines += [f"{count:,} {what}." for count, what in left_out(totals)]
    lines += by_line(preview.notes[:FIRST], totals.noted)
    lines += by_line(preview.repeats[:FIRST], totals.repeated)
    return lines


def by_line(notes: Sequence[tuple[int, Reason]], count: int) -> list[str]:
    """The first of `count` notes, as lines for a terminal."""
    return [*(f"  line {line}: {note}" for line, note in notes), *_more(count, len(notes))]


def _more(count: int, told: int) -> list[str]:
    return [f"  and {count - told:,} more"] if count > told else []
