"""System checks: what the models of a replicated app must not have."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.db import models

from bookstore_project.settings import topology

MOST_DIGITS = 15
"""A double keeps every decimal number of so many digits."""


def register() -> None:
    checks.register(check_replicated_models, checks.Tags.models)


def check_replicated_models(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Floating point can't be compared between images to the last bit, and fields must be single columns."""
    messages: list[checks.CheckMessage] = []
    for app_label in topology.APPS_OF_SERVICE.values():
        for model in apps.get_app_config(app_label).get_models():
            for field in model._meta.local_concrete_fields:
                if isinstance(field, models.FloatField):
                    messages.append(
                        checks.Error(
                            "A replicated model has no FloatField.", "Use DecimalField.", field, "replication.E001"
                        )
                    )
                if isinstance(field, models.DecimalField) and (field.max_digits or 0) > MOST_DIGITS:
                    messages.append(
                        checks.Error(
                            f"max_digits is more than {MOST_DIGITS}.",
                            "SQLite keeps decimals as doubles.",
                            field,
                            "replication.E002",
                        )
                    )
    return messages
