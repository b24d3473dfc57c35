"""The form of the page that imports books: the file, and what the command has options for."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from catalog_app.admin.kept_uploads import KeptUpload, find_kept, import_token, new_token
from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.formats import encoding_of
from catalog_app.importing.synonyms import SYNONYMS

MOST_BYTES = 1024 * 1024
"""Some 20,000 rows, for which a browser waits up to a minute. Larger files are for the command."""
MOST_LINES = 50_000
"""Of a file of short lines, for the same reason."""
ENCODINGS = (
    ("", "As the file says; else UTF-8"),
    ("utf-8", "UTF-8"),
    ("cp1252", "Western European (Windows-1252)"),
    ("iso-8859-15", "Western European (ISO-8859-15)"),
    ("cp1250", "Central European (Windows-1250)"),
    ("cp1251", "Cyrillic (Windows-1251)"),
    ("cp1253", "Greek (Windows-1253)"),
    ("cp1254", "Turkish (Windows-1254)"),
    ("cp850", "Western European (DOS)"),
    ("mac_roman", "Western European (old Macintosh)"),
    ("utf-16", "UTF-16"),
    ("gb18030", "Chinese (GB 18030)"),
    ("shift_jis", "Japanese (Shift JIS)"),
)
BY_NAME, NONE = "", "-"
NO_OPTIONS = ("file", "held_upload", "sending", "columns_of")
"""Fields of the form that don't change what an import does."""
LABELS = {
    "more_authors": "more authors",
    "author_first": "author’s first name",
    "author_last": "author’s last name",
    "isbn13": "ISBN-13 or EAN",
    "isbn": "ISBN or ISBN-10",
    "sku": "SKU, if it is an ISBN",
    "quantity": "stock",
}


class ImportForm(forms.Form):
    """The file and the options; and when its header is known, which column is which.

    `kept` is the upload that was sent before, if the form names one that is still there.
    """

    held_upload = forms.CharField(required=False, widget=forms.HiddenInput)
    sending = forms.CharField(required=False, widget=forms.HiddenInput, initial=new_token)
    """Another one on each page that shows the form: who sends one again has reloaded, or gone back."""
    columns_of = forms.CharField(required=False, widget=forms.HiddenInput)
    """Names the header that the columns were chosen from, as `_mark` does; blank if that isn't known."""
    file = forms.FileField(
        label="File",
        required=False,
        allow_empty_file=True,
        help_text="CSV or an Excel workbook (.xlsx), with the names of the columns above them; at most 1 MiB "
        f"and {MOST_LINES:,} lines.",
    )
    encoding = forms.CharField(
        required=False, widget=forms.Select(choices=ENCODINGS), help_text="Of a CSV file, if letters come out wrong."
    )
    sheet = forms.CharField(required=False, help_text="Of a workbook with several.")
    topic = forms.CharField(required=False, help_text="Of books for which the file has none; general if left blank.")
    price = forms.CharField(required=False, help_text="Likewise; 10.00 if left blank.")
    stock = forms.CharField(required=False, help_text="Likewise; 20 if left blank.")
    strict_isbn = forms.BooleanField(required=False, label="Reject rows with an unsound ISBN")
    update = forms.BooleanField(
        required=False,
        label="Set title, authors, topic and price of books that are there, and an ISBN that they lack; never their "
        "stock",
    )

    def __init__(
        self, *args: Any, owner: int, may_update: bool = True, header: Sequence[str] = (), **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._owner, self._may_update = owner, may_update
        if not may_update:
            del self.fields["update"]
        self.kept: KeptUpload | None = None
        choices = [(BY_NAME, "by its name"), (NONE, "none")]
        choices += [(f"#{number}", f"{number}: {name}") for number, name in enumerate(header, start=1)]
        for name in SYNONYMS:
            self.fields[_column(name)] = forms.CharField(
                required=False,
                label=f"Column of {LABELS.get(name, name)}",
                widget=forms.Select(choices=choices) if header else forms.HiddenInput,
            )

    @property
    def column_wishes(self) -> dict[str, str]:
        """As `choose_columns` takes them, if they are for the file's header: see `is_for`."""
        given = {name: self.cleaned_data[_column(name)] for name in SYNONYMS}
        return {name: "" if wish == NONE else wish for name, wish in given.items() if wish != BY_NAME}

    def is_for(self, header: Sequence[str]) -> bool:
        """Whether the columns were chosen from this header: those of another file mean nothing here."""
        return self.cleaned_data["columns_of"] in ("", _mark(header))

    def upload(self) -> tuple[bytes, str]:
        """The file's content and name. Raises FileNotFoundError if it was sent before and is no longer there."""
        if self.kept is not None:
            return self.kept.content.read_bytes(), self.kept.name
        file = self.cleaned_data["file"]
        return file.read(), file.name or "the file"

    def token_for(self, content: bytes) -> str:
        """Names the import that this form asks for, as `import_token` does."""
        options = {name: value for name, value in self.cleaned_data.items() if name not in NO_OPTIONS}
        return import_token(self.cleaned_data["sending"], content, options)

    def clean_file(self) -> "UploadedFile[Any] | None":
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is not None and (file.size or 0) > MOST_BYTES:
            raise _too_much("is larger than 1 MiB")
        return file

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("file") is None and "file" not in self.errors:
            self.kept = find_kept(values.get("held_upload", ""), self._owner)
            if self.kept is None:
                said = "The file is no longer there: choose it again." if values.get("held_upload") else None
                self.add_error("file", said or self.fields["file"].error_messages["required"])
        elif (file := values.get("file")) is not None and _lines(file, values.get("encoding", "")) > MOST_LINES:
            self.add_error("file", _too_much(f"has more than {MOST_LINES:,} lines"))
        return values

    def to_go_on(self, kept: KeptUpload | None, header: Sequence[str]) -> "ImportForm":
        """The same form for the next step: it names the upload, and offers its columns."""
        values = {**self.cleaned_data, "held_upload": kept.token if kept else ""}
        values.pop("file")
        values.pop("sending")
        if header:
            values |= {} if self.is_for(header) else {_column(name): BY_NAME for name in SYNONYMS}
            values["columns_of"] = _mark(header)
        return ImportForm(initial=values, owner=self._owner, may_update=self._may_update, header=header)


def _too_much(what: str) -> ValidationError:
    return ValidationError(
        f"The file {what}: split it, or have it imported on the machine of the store, where files may be larger."
    )


def _lines(file: "UploadedFile[Any]", encoding: str) -> int:
    """Of text; in UTF-16 the bytes of a line's end are halves of letters, too. A workbook looks like few lines."""
    content: bytes = file.read()
    file.seek(0)
    try:
        text = content.decode(encoding_of(BytesIO(content), encoding).codec, "replace")
    except ImportRefused:  # Of the encoding: it is told when the file is read.
        return 0
    return max(text.count("\n"), text.count("\r"))


def _mark(header: Sequence[str]) -> str:
    return blake2b(json.dumps(list(header)).encode(), digest_size=16).hexdigest()


def _column(name: str) -> str:
    return f"column_{name}"
