"""What the tests of the import share."""

import io
import re
from pathlib import Path
from typing import Any

from django.core.management import call_command

from bookstore_project import sqlite_files
from bookstore_project.replication import reads
from bookstore_project.settings import topology
from catalog_app.models import Book


def books() -> list[tuple[Any, ...]]:
    with reads.reading(topology.CATALOG):
        rows = Book.objects.values_list("title", "authors", "isbn13", "topic", "price", "quantity", "version")
        return [tuple(row) for row in rows]


def titles() -> list[str]:
    return [row[0] for row in books()]


def run_import(path: Path, *options: str) -> str:
    """What the command says."""
    out = io.StringIO()
    call_command("import_books", str(path), *options, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def assert_replicas_agree() -> None:
    """Same rows in both files, and a ledger that explains every copy."""
    contents = []
    for alias in topology.database_aliases(topology.CATALOG):
        with sqlite_files.opened(topology.database_file(alias)) as connection:
            contents.append(
                [
                    connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
                    for table in ("catalog_app_book", "catalog_app_ledgerentry")
                ]
            )
            unexplained = connection.execute(
                "SELECT b.id FROM catalog_app_book b LEFT JOIN catalog_app_ledgerentry l ON l.book_id = b.id"
                " GROUP BY b.id HAVING b.quantity IS NOT sum(l.change)"
            ).fetchall()
            assert unexplained == []
    assert contents[0] == contents[1]


def preview_and_import(path: Path, *options: str) -> tuple[int, ...]:
    """How many books the import adds, changes, leaves alone and rejects, as the preview has told."""
    preview = run_import(path, "--preview", *options)
    told = tuple(int(line.split()[0]) for line in preview.splitlines() if " would be " in line)
    counted = re.findall(r"([\d,]+) (imported|updated|already there|rejected)", run_import(path, *options))
    counts = {name: int(count.replace(",", "")) for count, name in counted}
    done = tuple(counts.get(name, 0) for name in ("imported", "updated", "already there", "rejected"))
    assert told == done
    return done
