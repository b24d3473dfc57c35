"""Texts and their search keys stay in step, whatever wrote them: the last look before a commit.

What the ORM writes is put in order on its way (`text.columns`); this finds what an expression or raw SQL wrote.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.apps import apps
from django.db import models

from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.events import changes_ready
from bookstore_project.replication.log.entries import RowChange
from bookstore_project.text.columns import CanonicalField, SearchKeyField, text_problems


def connect() -> None:
    changes_ready.connect(refuse_out_of_step, dispatch_uid="replication.texts")


def refuse_out_of_step(changes: Sequence[RowChange], **kwargs: Any) -> None:
    """Raises WriteRefused for a text that isn't in its one form, and for a key that is another text's."""
    models_of = _models_with_texts()
    for change in changes:
        model = models_of.get(change.table)
        if model is not None and change.after is not None:
            for problem in text_problems(model, change.before, change.after):
                raise WriteRefused(
                    f"Row {change.key} of {change.table}: {problem}. Set the text as a value, by save() or update()."
                )


@cache
def _models_with_texts() -> Mapping[str, type[models.Model]]:
    kinds = (CanonicalField, SearchKeyField)
    return {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if any(isinstance(field, kinds) for field in model._meta.local_concrete_fields)
    }
