"""Rows as a CSV file that spreadsheets open."""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from django.http import FileResponse

CONTENT_TYPE = "text/csv; charset=utf-8"
IN_MEMORY_BYTES = 1024 * 1024
"""Of a file that is being made; a larger one is on the disk meanwhile."""


def csv_file(columns: Sequence[str], rows: Iterable[Iterable[str]], name: str) -> FileResponse:
    """Inside of a gated read, which is over when this returns: rows of one moment, sent in pieces afterwards.

    A file of its own in between, so that a slow download neither keeps a snapshot open nor ends in half a list.
    """
    with ExitStack() as kept:
        spool = kept.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))
        # With a byte order mark: without it, spreadsheets take UTF-8 for the code page of the machine.
        text = io.TextIOWrapper(spool, "utf-8-sig", errors="backslashreplace", newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(rows)
        text.detach()
        spool.seek(0)
        kept.pop_all()  # The response closes it.
    return FileResponse(spool, as_attachment=True, filename=name, content_type=CONTENT_TYPE)
