"""The page that imports books from an uploaded file, by the rules of `manage.py import_books`."""

import io
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.template.response import TemplateResponse

from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from catalog_app.admin.kept_uploads import KeptUpload, find_done, find_kept, keep, note_done, one_at_a_time
from catalog_app.admin.upload_form import ImportForm
from catalog_app.admin.upload_report import Rejected, Report
from catalog_app.importing.columns import choose_columns, describe_columns
from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.importer import Importer, TakesRejects, Write, into_store
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.preview import Preview, preview_of, previewing
from catalog_app.importing.progress import Progress, remarks, summary
from catalog_app.importing.records import Source
from catalog_app.importing.rejects import Rejects, without_own_columns
from catalog_app.importing.rows import RowParser, make_defaults
from catalog_app.importing.source import read_source
from catalog_app.importing.workbook import Limits
from catalog_app.models import Book

LIMITS = Limits(size_bytes=64 * 1024 * 1024, rows=50_000, cells=500_000, texts=200_000)
"""Of a workbook that a browser waits for."""
BATCH_SIZE = 400
PATIENCE_S = 10.0
"""How long the page waits for a store that can't take a batch."""
REMEDIES = {
    Remedy.COLUMNS: "Choose it below, among the columns.",
    Remedy.ENCODING: "Choose the encoding below.",
    Remedy.SHEET: "Write the name of the sheet below.",
    Remedy.SIZE: "Or save the table as CSV.",
}
"""What helps on this page."""
LOST = "Nothing was imported: you were no longer logged in when the form was sent. Choose the file again."


def import_page(model_admin: Any, request: HttpRequest, *, is_lost: bool) -> TemplateResponse:
    """The form; and after it was sent what became of the file, or would become of it, above it.

    `is_lost` tells who asks for the form that one was sent before, and couldn't be taken.
    """
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    owner = request.user.pk or 0
    is_sent = request.method == "POST"
    may_update = model_admin.has_change_permission(request)
    if request.POST.get("update") and not may_update:
        raise PermissionDenied
    sent = (request.POST, request.FILES) if is_sent else ()
    form = ImportForm(*sent, owner=owner, may_update=may_update)
    kept, report = None, Report(problem=LOST) if is_lost and not is_sent else None
    if is_sent and form.is_valid():
        kept, report = _answer(request, form, owner)
        form = form.to_go_on(kept, report.header)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Import books",
        "opts": Book._meta,
        "form": form,
        "report": report,
        "kept": kept,
    }
    status = report.status if report else HTTPStatus.OK
    return TemplateResponse(request, "admin/catalog_app/book/import.html", context, status=status)


def _answer(request: HttpRequest, form: ImportForm, owner: int) -> tuple[KeptUpload | None, Report]:
    """What comes of the form; what has come of it already, if this very import was sent before."""
    actor = request.user.get_username()
    try:
        content, name = form.upload()
        if "_preview" in request.POST:
            kept = form.kept or keep(content, name, owner)
            return kept, take_upload(kept, form, actor=actor, is_preview=True)
        kept = keep(content, name, owner, form.token_for(content))
        with one_at_a_time(kept):
            return kept, _import_once(kept, form, actor)
    except FileNotFoundError:  # Of the same account's uploads this was the oldest.
        return None, Report(problem="The file is no longer there: choose it again.", status=HTTPStatus.BAD_REQUEST)


def _import_once(kept: KeptUpload, form: ImportForm, actor: str) -> Report:
    done = find_done(kept)
    if done is not None:
        return Report.again(done)
    report = take_upload(kept, form, actor=actor, is_preview=False)
    if not report.problem:
        note_done(kept, report.noted())
    return report


def rejected_file(model_admin: Any, request: HttpRequest, token: str) -> FileResponse:
    """The rejected rows of an upload, to be corrected and imported by themselves."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    kept = find_kept(token, request.user.pk or 0)
    if kept is None or not kept.rejected.exists():
        raise Http404(request.path)
    return FileResponse(
        kept.rejected.open("rb"),
        as_attachment=True,
        filename="rejected.csv",
        content_type="text/csv; charset=utf-8",
    )


def take_upload(kept: KeptUpload, form: ImportForm, *, actor: str, is_preview: bool) -> Report:
    """Imports in batches, each a replicated transaction: what is in stays in, and a repeat goes on after it.

    Or says what would be done, and writes nothing. Raises FileNotFoundError if the upload is gone.
    """
    report = Report()
    wishes = {"update": False, **form.cleaned_data}
    try:
        defaults = make_defaults(*(wishes[name] or None for name in ("topic", "price", "stock")))
        with _open(kept, wishes) as opened:
            source = without_own_columns(opened)
            report.header = source.header
            columns = choose_columns(source.header, _column_wishes(form, report), defaults.wished)
            report.told += filter(None, [describe_columns(source, columns, defaults), source.description])
            parser = RowParser(columns, source.header, defaults, strict_isbn=wishes["strict_isbn"])
            if is_preview:
                _preview(report, source, parser, update=wishes["update"])
            else:
                with Rejects(kept.rejected, source) as file:
                    report.rejected = Rejected(file)
                    _import(report, source, parser, actor, update=wishes["update"])
    except ImportRefused as error:
        report.problem, report.status = f"{error} {REMEDIES.get(error.remedy, '')}".rstrip(), HTTPStatus.BAD_REQUEST
    return report


def _column_wishes(form: ImportForm, report: Report) -> dict[str, str]:
    """Those for this header. Raises ImportRefused if they were chosen for the same file, read in another way."""
    if form.is_for(report.header) or not form.column_wishes:
        return form.column_wishes
    if form.kept:
        raise ImportRefused("The columns were chosen from another header than this: choose them below again.")
    report.told.append("The columns that were chosen are those of another file; here they go by their names.")
    return {}


def _open(kept: KeptUpload, wishes: dict[str, Any]) -> AbstractContextManager[Source]:
    content = kept.content.read_bytes()
    return read_source(
        io.BytesIO(content), kept.name, len(content), wishes["encoding"], sheet=wishes["sheet"], limits=LIMITS
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
        report.notes, report.repeats = preview.notes, preview.repeats


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
    report.notes, report.repeats = importer.notes, importer.repeats
