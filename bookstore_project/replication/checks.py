"""System checks: every model has its place, said in REPLICATION, and is one that replication can carry."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, models

from bookstore_project.api.cached_resources import PARAMETER, CachedResource
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import (
    REPLICATION_APP,
    replicated_models,
    service_of_app,
    stored_fields,
)

MOST_DIGITS = 15
"""A double keeps every decimal number of so many digits."""
REPLICAS = 2
"""Of a service."""
_NO_KEYS = (models.BinaryField, models.DecimalField)
"""What JSON can't name a row by."""


def register() -> None:
    checks.register(check_services, checks.Tags.models)
    checks.register(check_replicated_models, checks.Tags.models)
    checks.register(check_cached_resources, checks.Tags.models)


def check_services(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each app with tables is in one service, or said to be in none: what nobody placed isn't written quietly."""
    return [*_apps_without_a_place(), *_apps_that_are_not_there(), *_apps_in_two_places(), *_replicas()]


def _apps_without_a_place() -> Iterator[checks.CheckMessage]:
    placed = {*replication_settings.service_of_app, *replication_settings.unreplicated_apps, REPLICATION_APP}
    for config in apps.get_app_configs():
        if config.label not in placed and any(replicated_models(apps, [config.label])):
            hint = (
                f"Add {config.label!r} to the APPS of one of REPLICATION['SERVICES'] or, if its rows belong into "
                f"the database {DEFAULT_DB_ALIAS!r} alone, to REPLICATION['UNREPLICATED_APPS']."
            )
            yield checks.Error(f"{config.name} has models, and is in no service.", hint, config, "replication.E005")


def _apps_that_are_not_there() -> Iterator[checks.CheckMessage]:
    for name, service in replication_settings.services.items():
        for label in set(service.app_labels) - apps.app_configs.keys():
            hint = "Add the app to INSTALLED_APPS. What is named here is its label: the last word of its path."
            message = f"The service {name} replicates {label!r}, which isn't installed."
            yield checks.Error(message, hint, name, "replication.E006")


def _apps_in_two_places() -> Iterator[checks.CheckMessage]:
    places = [service.app_labels for service in replication_settings.services.values()]
    times = Counter(label for labels in (*places, replication_settings.unreplicated_apps) for label in labels)
    for label in (label for label, count in times.items() if count > 1):
        hint = "Leave it in one service, or in UNREPLICATED_APPS."
        yield checks.Error(f"REPLICATION gives {label!r} more than one place.", hint, label, "replication.E007")


def _replicas() -> Iterator[checks.CheckMessage]:
    times = Counter(alias for service in replication_settings.services.values() for alias in service.replicas)
    for name, service in replication_settings.services.items():
        if len(service.replicas) != REPLICAS:
            hint = "Name two database aliases, each with the URL of its process."
            message = f"The service {name} has {len(service.replicas)} replicas, and needs {REPLICAS}."
            yield checks.Error(message, hint, name, "replication.E008")
        for alias in service.replicas:
            if times[alias] > 1 or alias not in settings.DATABASES:
                hint = "Each replica has an alias of its own in DATABASES."
                message = f"The replica {alias} of the service {name} has no database of its own."
                yield checks.Error(message, hint, name, "replication.E009")


def check_replicated_models(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Values have to be the same in every image to the last bit, and a row has to have one name."""
    return [
        message
        for service in replication_settings.services.values()
        for model in replicated_models(apps, filter(apps.app_configs.__contains__, service.app_labels))
        for message in check_model(model)
    ]


def check_cached_resources(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """What a declaration names is there: else a change would touch no key, and fronts would show what was."""
    hint = "See docs/your-own-model.md."
    known, unknown = replication_settings.known_resources, replication_settings.unknown_resources
    strange = [f"CACHED_RESOURCES names {each!r}, no CachedResource." for each in known if not is_declaration(each)]
    declared = list(filter(is_declaration, known))
    found = [(problem, "replication.E012") for problem in (*unknown, *strange, *_names_given_twice(declared))]
    found += [(problem, "replication.E011") for resource in declared for problem in _problems_of(resource)]
    return [checks.Error(problem, hint, "REPLICATION", code) for problem, code in found]


def is_declaration(found: object) -> bool:
    return isinstance(found, CachedResource)


def _names_given_twice(declared: Sequence[CachedResource]) -> Iterator[str]:
    times = Counter(resource.name for resource in declared)
    for name in (name for name, count in times.items() if count > 1):
        yield f"More than one cached resource is called {name!r}: they would share their cache keys."


def _problems_of(resource: CachedResource) -> Iterator[str]:
    for route in resource.routes:
        found = len(PARAMETER.findall(route))
        if found != route.count("<") or found != bool(resource.column):
            what = "not one <int:…> or <str:…>" if resource.column else "a parameter, and no column for it"
            yield f"The route {route!r} of the cached resource {resource.name} has {what}."
    labels = replication_settings.service_of_app
    models_of_services = replicated_models(apps, filter(apps.app_configs.__contains__, labels))
    model = next((each for each in models_of_services if each._meta.label == resource.model), None)
    if model is None:
        yield f"The cached resource {resource.name} shows {resource.model}, which is no replicated model."
        return
    columns = {field.column for field in model._meta.concrete_fields}
    for name in {resource.column, *resource.shows} - {"", *columns}:
        yield f"The cached resource {resource.name} names {name!r}, which is no column of {resource.model}."


def check_model(model: type[models.Model]) -> Iterator[checks.CheckMessage]:
    """What replication can't carry of one model."""
    key = model._meta.pk
    if isinstance(key, models.CompositePrimaryKey):
        hint = "Use one column, and a UniqueConstraint over the others."
        yield checks.Error("A replicated model has no composite primary key.", hint, model, "replication.E003")
    elif isinstance(key, _NO_KEYS):
        hint = "Use a number, a text or a UUID."
        yield checks.Error("A row can't be named by bytes or decimals.", hint, key, "replication.E004")
    place = service_of_app(model._meta.app_label)
    for field in stored_fields(model):
        other = field.related_model
        if isinstance(other, type) and service_of_app(other._meta.app_label) != place:
            hint = "There is no such row in this database: keep its id in a plain field."
            message = f"{other._meta.label} isn't in the service {place}."
            yield checks.Error(message, hint, field, "replication.E010")
        if isinstance(field, models.FloatField):
            hint = "Use DecimalField."
            yield checks.Error("A replicated model has no FloatField.", hint, field, "replication.E001")
        if isinstance(field, models.DecimalField) and (field.max_digits or 0) > MOST_DIGITS:
            hint = "SQLite keeps decimals as doubles."
            yield checks.Error(f"max_digits is more than {MOST_DIGITS}.", hint, field, "replication.E002")
