"""What the page tells of an upload, and notes down to tell it again."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from http import HTTPStatus
from typing import Any

from catalog_app.importing.errors import Reason
from catalog_app.importing.preview import Preview
from catalog_app.importing.records import Record
from catalog_app.importing.rejects import Rejects

MOST_SHOWN = 500
"""Of the rows that were rejected."""


@dataclass
class Rejected:
    """Rows that can't be used: the first of them for the page, and all of them in a file."""

    file: Rejects | None = None
    count: int = 0
    rows: list[tuple[int, Sequence[Reason]]] = field(default_factory=list)

    def add(self, record: Record, reasons: Sequence[Reason]) -> None:
        assert self.file is not None, "only what is told again has none"
        self.count += 1
        self.file.add(record, reasons)
        if len(self.rows) < MOST_SHOWN:
            self.rows.append((record.line, reasons))


@dataclass
class Report:
    """What became of a file, or would. `problem` says why the import ended before its file did, or didn't begin."""

    told: list[str] = field(default_factory=list)
    header: Sequence[str] = ()
    rejected: Rejected | None = None
    preview: Preview | None = None
    notes: list[tuple[int, Reason]] = field(default_factory=list)
    repeats: list[tuple[int, Reason]] = field(default_factory=list)
    problem: str = ""
    status: int = HTTPStatus.OK

    def noted(self) -> dict[str, Any]:
        """An import that came to its end, as JSON can hold it."""
        rejected = self.rejected or Rejected()
        return {
            "told": self.told,
            "header": list(self.header),
            "rejected": rejected.count,
            "rows": [(line, [_texts(reason) for reason in reasons]) for line, reasons in rejected.rows],
            "notes": [(line, _texts(reason)) for line, reason in self.notes],
            "repeats": [(line, _texts(reason)) for line, reason in self.repeats],
        }

    @classmethod
    def again(cls, noted: dict[str, Any]) -> "Report":
        """The report of an import that was sent before, from what was noted of it."""
        rejected = Rejected(count=noted["rejected"])
        for line, reasons in noted["rows"]:
            rejected.rows.append((line, [Reason(*texts) for texts in reasons]))
        return cls(
            told=["This form was sent before. Nothing was done again; what it did then:", *noted["told"]],
            header=noted["header"],
            rejected=rejected,
            notes=[(line, Reason(*texts)) for line, texts in noted["notes"]],
            repeats=[(line, Reason(*texts)) for line, texts in noted.get("repeats", ())],
        )


def _texts(reason: Reason) -> list[str]:
    return [str(text) for text in astuple(reason)]
