"""System check: the admin of a replicated model goes through replication."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin.sites import all_sites
from django.core import checks
from django.db import models

from bookstore_project.replication.service import service_of_app
from bookstore_project.replication.web.admin import ModelAdmin, ReplicatedAdmin


def register() -> None:
    checks.register(check_admin, checks.Tags.admin)


def check_admin(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Pages of replicated models are gated reads, and what they save is a replicated transaction."""
    return [message for model, model_admin in _registered() for message in _problems_of_admin(model, model_admin)]


def _registered() -> Iterator[tuple[type[models.Model], ModelAdmin]]:
    for site in all_sites:
        yield from site._registry.items()


def _problems_of_admin(model: type[models.Model], model_admin: ModelAdmin) -> Iterator[checks.CheckMessage]:
    place = service_of_app(model._meta.app_label)
    if place is None:
        return
    hint = f"Derive it from ReplicatedAdmin of bookstore_project.replication.web.admin, with `service = {place!r}`."
    if not isinstance(model_admin, ReplicatedAdmin):
        message = f"{model._meta.label} is replicated, and its admin writes outside of replicated transactions."
        yield checks.Error(message, hint, type(model_admin), "replication.E013")
    elif getattr(model_admin, "service", None) != place:
        message = f"{model._meta.label} is in the service {place}, and its admin is of another one, or of none."
        yield checks.Error(message, hint, type(model_admin), "replication.E013")
