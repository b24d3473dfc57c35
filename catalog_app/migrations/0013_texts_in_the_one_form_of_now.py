"""Texts of books in the one form of now, and the keys of that: rules have been added since 0002.

Nothing is refused: what none may have is taken out. Two books that become the same by that stay two.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from bookstore_project.text.backfill import rewrite
from bookstore_project.text.canonical import without_unfit
from bookstore_project.text.search_keys import search_key

UNREADABLE = {"title": "untitled", "authors": "", "topic": "general"}
"""In the place of what was nothing but characters that nobody can see."""
TEXTS = tuple(UNREADABLE)
KEYS = tuple(f"{name}_key" for name in TEXTS)


def of_now(row: Sequence[Any]) -> Mapping[str, Any]:
    """Of a book's version, texts and keys: what has to be written, if anything. Another text is the next version."""
    version, *before = row
    texts = [without_unfit(text) or UNREADABLE[name] for name, text in zip(TEXTS, before[: len(TEXTS)], strict=True)]
    now = [*texts, *map(search_key, texts)]
    if now == before:
        return {}
    is_changed = texts != before[: len(TEXTS)]
    return {"version": version + is_changed, **dict(zip((*TEXTS, *KEYS), now, strict=True))}


def put_in_order(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The ledger's titles stay what they were: it is the past."""
    rewrite(editor, apps.get_model("catalog_app", "Book"), ("version", *TEXTS, *KEYS), of_now)


class Migration(migrations.Migration):
    dependencies = [("catalog_app", "0012_lists_of_all_books_in_every_order")]

    operations = [migrations.RunPython(put_in_order, migrations.RunPython.noop, elidable=True)]
