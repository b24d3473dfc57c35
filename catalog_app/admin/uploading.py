"""The page that imports books from an uploaded CSV file, by the rules of `manage.py import_books`."""

import io
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.template.response import TemplateResponse

from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from catalog_app.importing.columns import SYNONYMS, choose_columns, describe_columns, read_wishes
from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.importer import Importer
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.progress import Progress, summary
from catalog_app.importing.rows import RowParser, make_defaults
from catalog_app.importing.source import Record, read_source
from catalog_app.models import Book

MOST_BYTES = 1024 * 1024
"""Some 20,000 rows, for which a browser waits up to a minute. Larger files are for the command."""
BATCH_SIZE = 200
PATIENCE_S = 10.0
"""How long the page waits for a store that can't take a batch."""
MOST_SHOWN = 500
"""Of the rows that were rejected."""


class ImportForm(forms.Form):
    """The file, and the options of the command."""

    file = forms.FileField(label="CSV file", allow_empty_file=True, help_text="With a header; at most 1 MiB.")
    encoding = forms.CharField(required=False, help_text="UTF-8 if left blank; else such as cp1252 or utf-16.")
    columns = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Where the names don't tell, one a line, as with --map: title=original_title, or price= to leave "
        f"one out. Fields: {', '.join(SYNONYMS)}.",
    )
    topic = forms.CharField(required=False, help_text="Of books for which the file has none; general if left blank.")
    price = forms.CharField(required=False, help_text="Likewise; 10.00 if left blank.")
    stock = forms.CharField(required=False, help_text="Likewise; 20 if left blank.")
    strict_isbn = forms.BooleanField(required=False, label="Reject rows with an unsound ISBN")
    update = forms.BooleanField(
        required=False, label="Set title, authors, topic and price of books that are there; never their stock"
    )

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise ValidationError("The file is larger than 1 MiB: import it with manage.py import_books.")
        return file


@dataclass
class Rejected:
    """Rows that can't be used: the first of them with line and reasons, and how many there are."""

    count: int = 0
    rows: list[tuple[int, str]] = field(default_factory=list)

    def add(self, record: Record, reason: str) -> None:
        self.count += 1
        if len(self.rows) < MOST_SHOWN:
            self.rows.append((record.line, reason))

    @property
    def left_out(self) -> int:
        return self.count - len(self.rows)


@dataclass
class Report:
    """What became of a file. `problem` says why the import ended before its file did, or didn't begin."""

    told: list[str] = field(default_factory=list)
    rejected: Rejected = field(default_factory=Rejected)
    problem: str = ""
    status: int = HTTPStatus.OK


def import_page(model_admin: Any, request: HttpRequest) -> TemplateResponse:
    """The form; and after it was sent what became of the file, above it."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    report = None
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["update"] and not model_admin.has_change_permission(request):
            raise PermissionDenied
        report = import_upload(form.cleaned_data, request.user.get_username())
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Import books",
        "opts": Book._meta,
        "form": form,
        "report": report,
    }
    status = report.status if report else HTTPStatus.OK
    return TemplateResponse(request, "admin/catalog_app/book/import.html", context, status=status)


def import_upload(wishes: dict[str, Any], actor: str) -> Report:
    """Imports in batches, each a replicated transaction: what is in stays in, and a repeat goes on after it."""
    report = Report()
    upload: UploadedFile[Any] = wishes["file"]
    try:
        defaults = make_defaults(*(wishes[name] or None for name in ("topic", "price", "stock")))
        content = io.BytesIO(upload.read())
        with read_source(content, upload.name or "the file", upload.size or 0, wishes["encoding"]) as source:
            columns = choose_columns(source.header, read_wishes(_lines(wishes["columns"])))
            report.told.append(describe_columns(source, columns, defaults))
            parser = RowParser(columns, len(source.header), defaults, strict_isbn=wishes["strict_isbn"])
            _run(
                report,
                Importer(
                    source=source,
                    parser=parser,
                    rejects=report.rejected,
                    progress=Progress(io.StringIO(), is_quiet=True),
                    interruption=Interruption(),
                    batch_size=BATCH_SIZE,
                    update=wishes["update"],
                    actor=actor,
                    patience_s=PATIENCE_S,
                ),
            )
    except ImportRefused as error:
        report.problem, report.status = str(error), HTTPStatus.BAD_REQUEST
    return report


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _run(report: Report, importer: Importer) -> None:
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
