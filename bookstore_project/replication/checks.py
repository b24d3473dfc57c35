"""System checks: what the models of a replicated app must not have."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.db import models

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import replicated_models, stored_fields

MOST_DIGITS = 15
"""A double keeps every decimal number of so many digits."""
_NO_KEYS = (models.BinaryField, models.DecimalField)
"""What JSON can't name a row by."""


def register() -> None:
    checks.register(check_replicated_models, checks.Tags.models)


def check_replicated_models(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Values have to be the same in every image to the last bit, and a row has to have one name."""
    return [
        message
        for service in replication_settings.services.values()
        for model in replicated_models(apps, service.app_labels)
        for message in check_model(model)
    ]


def check_model(model: type[models.Model]) -> Iterator[checks.CheckMessage]:
    """What replication can't carry of one model."""
    key = model._meta.pk
    if isinstance(key, models.CompositePrimaryKey):
        hint = "Use one column, and a UniqueConstraint over the others."
        yield checks.Error("A replicated model has no composite primary key.", hint, model, "replication.E003")
    elif isinstance(key, _NO_KEYS):
        hint = "Use a number, a text or a UUID."
        yield checks.Error("A row can't be named by bytes or decimals.", hint, key, "replication.E004")
    for field in stored_fields(model):
        if isinstance(field, models.FloatField):
            hint = "Use DecimalField."
            yield checks.Error("A replicated model has no FloatField.", hint, field, "replication.E001")
        if isinstance(field, models.DecimalField) and (field.max_digits or 0) > MOST_DIGITS:
            hint = "SQLite keeps decimals as doubles."
            yield checks.Error(f"max_digits is more than {MOST_DIGITS}.", hint, field, "replication.E002")
