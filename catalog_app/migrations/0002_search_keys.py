"""Texts get their one form, and search keys beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from bookstore_project.text.backfill import fill_keys, rewrite
from bookstore_project.text.canonical import without_unfit

TEXTS = ("title", "authors", "topic")
UNREADABLE = {"title": "untitled", "authors": "", "topic": "general"}
"""In the place of what was nothing but characters that nobody can see."""


def in_one_form(row: Sequence[Any]) -> Mapping[str, Any]:
    """Of a book's version and texts: what has to be written, with the next version; empty if nothing."""
    version, *texts = row
    right = [without_unfit(text) or UNREADABLE[name] for name, text in zip(TEXTS, texts, strict=True)]
    return {} if right == texts else {"version": version + 1, **dict(zip(TEXTS, right, strict=True))}


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The ledger's titles stay what they were: it is the past."""
    book, entry = apps.get_model("catalog_app", "Book"), apps.get_model("catalog_app", "LedgerEntry")
    rewrite(editor, book, ("version", *TEXTS), in_one_form)
    fill_keys(editor, book, {f"{name}_key": name for name in TEXTS})
    fill_keys(editor, entry, {"title_key": "title"})


class Migration(migrations.Migration):
    dependencies = [("catalog_app", "0001_initial")]

    operations = [
        migrations.AddField("book", "title_key", models.TextField(blank=True, default="", editable=False)),
        migrations.AddField("book", "authors_key", models.TextField(blank=True, default="", editable=False)),
        migrations.AddField("book", "topic_key", models.TextField(blank=True, default="", editable=False)),
        migrations.AddField("ledgerentry", "title_key", models.TextField(blank=True, default="", editable=False)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            "book", "title_key", models.TextField(blank=True, db_index=True, default="", editable=False)
        ),
    ]
