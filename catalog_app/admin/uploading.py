"""The page that imports books from an uploaded file, by the rules of `manage.py import_books`."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.template.response import TemplateResponse

from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from catalog_app.admin.held import Held, find_done, find_held, hold, note_done
from catalog_app.admin.upload_form import ImportForm
from catalog_app.importing.columns import choose_columns, describe_columns
from catalog_app.importing.errors import ImportRefused, Reason, Remedy
from catalog_app.importing.importer import Importer, TakesRejects, Write, into_store
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.preview import Preview, preview_of, previewing
from catalog_app.importing.progress import Progress, remarks, summary
from catalog_app.importing.records import Record, Source
from catalog_app.importing.rejects import Rejects, without_own_columns
from catalog_app.importing.rows import RowParser, make_defaults
from catalog_app.importing.source import read_source
from catalog_app.importing.workbook import Limits
from catalog_app.models import Book

LIMITS = Limits(size_bytes=64 * 1024 * 1024, rows=50_000, cells=500_000, texts=200_000)
"""Of a workbook that a browser waits for."""
BATCH_SIZE = 200
PATIENCE_S = 10.0
"""How long the page waits for a store that can't take a batch."""
MOST_SHOWN = 500
"""Of the rows that were rejected."""
REMEDIES = {
    Remedy.COLUMNS: "Choose it below, among the columns.",
    Remedy.ENCODING: "Choose the encoding below.",
    Remedy.SHEET: "Write the name of the sheet below.",
    Remedy.SIZE: "Or save the table as CSV.",
}
"""What helps on this page."""


@dataclass
class Rejected:
    """Rows that can't be used: the first of them for the page, and all of them in a file."""

    file: Rejects
    count: int = 0
    rows: list[tuple[int, Sequence[Reason]]] = field(default_factory=list)

    def add(self, record: Record, reasons: Sequence[Reason]) -> None:
        self.count += 1
        self.file.add(record, reasons)
        if len(self.rows) < MOST_SHOWN:
            self.rows.append((record.line, reasons))

    @property
    def left_out(self) -> int:
        return self.count - len(self.rows)


@dataclass
class Report:
    """What became of a file, or would. `problem` says why the import ended before its file did, or didn't begin."""

    told: list[str] = field(default_factory=list)
    header: Sequence[str] = ()
    rejected: Rejected | None = None
    preview: Preview | None = None
    notes: list[tuple[int, Reason]] = field(default_factory=list)
    problem: str = ""
    status: int = HTTPStatus.OK


def import_page(model_admin: Any, request: HttpRequest) -> TemplateResponse:
    """The form; and after it was sent what became of the file, or would become of it, above it."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    owner = request.user.pk or 0
    is_sent = request.method == "POST"
    may_update = model_admin.has_change_permission(request)
    if request.POST.get("update") and not may_update:
        raise PermissionDenied
    sent = (request.POST, request.FILES) if is_sent else ()
    form = ImportForm(*sent, owner=owner, may_update=may_update)
    report = held = None
    if is_sent and form.is_valid():
        held, report = _answer(request, form, owner)
        form = form.to_go_on(held, report.header)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Import books",
        "opts": Book._meta,
        "form": form,
        "report": report,
        "held": held,
    }
    status = report.status if report else HTTPStatus.OK
    return TemplateResponse(request, "admin/catalog_app/book/import.html", context, status=status)


def _answer(request: HttpRequest, form: ImportForm, owner: int) -> tuple[Held, Report]:
    """What comes of the form; what has come of it already, if this is an import that was sent before."""
    is_preview = "_preview" in request.POST
    sending = form.cleaned_data["sending"]
    done = None if is_preview else find_done(sending, owner)
    if done is not None:
        held, told = done
        return held, Report(told=["This form was sent before. Nothing was done again; what it did then:", *told])
    file = form.cleaned_data["file"]
    held = form.held or hold(file.read(), file.name or "the file", owner)
    report = take_upload(held, form, actor=request.user.get_username(), is_preview=is_preview)
    if not is_preview and not report.problem:
        note_done(held, sending, report.told)
    return held, report


def rejected_file(model_admin: Any, request: HttpRequest, token: str) -> FileResponse:
    """The rejected rows of an upload, to be corrected and imported by themselves."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    held = find_held(token, request.user.pk or 0)
    if held is None or not held.rejected.exists():
        raise Http404(request.path)
    return FileResponse(
        held.rejected.open("rb"),
        as_attachment=True,
        filename="rejected.csv",
        content_type="text/csv; charset=utf-8",
    )


def take_upload(held: Held, form: ImportForm, *, actor: str, is_preview: bool) -> Report:
    """Imports in batches, each a replicated transaction: what is in stays in, and a repeat goes on after it.

    Or says what would be done, and writes nothing.
    """
    report = Report()
    wishes = {"update": False, **form.cleaned_data}
    try:
        defaults = make_defaults(*(wishes[name] or None for name in ("topic", "price", "stock")))
        with _open(held, wishes) as opened:
            source = without_own_columns(opened)
            report.header = source.header
            columns = choose_columns(source.header, form.column_wishes, defaults.wished)
            report.told += filter(None, [describe_columns(source, columns, defaults), source.description])
            parser = RowParser(columns, source.header, defaults, strict_isbn=wishes["strict_isbn"])
            if is_preview:
                _preview(report, source, parser, update=wishes["update"])
            else:
                with Rejects(held.rejected, source) as file:
                    report.rejected = Rejected(file)
                    _import(report, source, parser, actor, update=wishes["update"])
    except ImportRefused as error:
        report.problem, report.status = f"{error} {REMEDIES.get(error.remedy, '')}".rstrip(), HTTPStatus.BAD_REQUEST
    except FileNotFoundError:  # Of the same account's uploads this was the oldest.
        report.problem, report.status = "The file is no longer there: choose it again.", HTTPStatus.BAD_REQUEST
    return report


def _open(held: Held, wishes: dict[str, Any]) -> AbstractContextManager[Source]:
    content = held.content.read_bytes()
    return read_source(
        io.BytesIO(content), held.name, len(content), wishes["encoding"], sheet=wishes["sheet"], limits=LIMITS
    )


def _make_importer(source: Source, parser: RowParser, rejects: TakesRejects, write: Write) -> Importer:
    return Importer(
        source=source,
        parser=parser,
        rejects=rejects,
        progress=Progress(io.StringIO(), is_quiet=True),
        interruption=Interruption(),
        batch_size=BATCH_SIZE,
        write=write,
    )


def _preview(report: Report, source: Source, parser: RowParser, *, update: bool) -> None:
    preview = Preview()
    importer = _make_importer(source, parser, preview, previewing(preview, update=update))
    try:
        report.preview = preview_of(importer, preview)
    except Unavailable as error:
        report.status = HTTPStatus.SERVICE_UNAVAILABLE
        report.problem = f"{error.detail} Nothing was written; try again in a moment."
    else:
        report.told += [f"{preview.totals.rows:,} rows read. Nothing was written yet.", *remarks(preview.totals)]
        report.notes = preview.notes


def _import(report: Report, source: Source, parser: RowParser, actor: str, *, update: bool) -> None:
    assert report.rejected is not None
    quiet = Progress(io.StringIO(), is_quiet=True)
    write = into_store(quiet, Interruption(), update=update, actor=actor, patience_s=PATIENCE_S)
    importer = _make_importer(source, parser, report.rejected, write)
    try:
        importer.run()
    except (Unavailable, OutcomeUnknown) as error:
        report.status = HTTPStatus.SERVICE_UNAVAILABLE
        report.problem = (
            f"{error.detail} {importer.totals.imported:,} new books are in for certain, in whole batches. "
            "Import the file again to go on: what is in isn't imported twice."
        )
    else:
        report.told += summary(importer.totals, importer.progress.seconds, "below")
    report.notes = importer.notes
