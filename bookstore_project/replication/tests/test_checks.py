"""Models that replication can't carry, and those that have no place, are found by Django's system checks."""

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.test.utils import isolate_apps

from bookstore_project.api.cached_resources import TOPIC, CachedResource
from bookstore_project.replication.checks import (
    check_cached_resources,
    check_model,
    check_replicated_models,
    check_services,
)
from bookstore_project.replication.conf import replication_settings
from tests.configured import replication


def codes(**members: object) -> list[str | None]:
    with isolate_apps("bookstore_project.replication.tests.shelf"):
        made = type("Made", (models.Model,), {"__module__": __name__, **members, "Meta": _Meta})
        return [message.id for message in check_model(made)]


class _Meta:
    app_label = "shelf"


def test_what_is_replicated_today_passes() -> None:
    assert check_replicated_models(None) == []


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"weight": models.FloatField()}, "replication.E001"),
        ({"price": models.DecimalField(max_digits=16, decimal_places=2)}, "replication.E002"),
        (
            {"pk": models.CompositePrimaryKey("a", "b"), "a": models.IntegerField(), "b": models.IntegerField()},
            "replication.E003",
        ),
        ({"id": models.BinaryField(primary_key=True)}, "replication.E004"),
        ({"owner": models.ForeignKey(User, models.CASCADE)}, "replication.E010"),
    ],
)
def test_what_can_not_be_carried_is_named(members: dict[str, object], code: str) -> None:
    assert codes(**members) == [code]


def test_a_computed_column_may_be_what_it_likes() -> None:
    ratio = models.GeneratedField(expression=models.F("n") / 3.0, output_field=models.FloatField(), db_persist=True)
    assert codes(n=models.IntegerField(), ratio=ratio) == []


def service(*app_labels: str, replicas: tuple[str, ...] = ("catalog-1", "catalog-2")) -> dict[str, Any]:
    return {"APPS": app_labels, "REPLICAS": dict.fromkeys(replicas, "http://localhost:1")}


CATALOG, ORDER = service("catalog_app", "shelf"), service("order_app", replicas=("order-1", "order-2"))


@pytest.mark.parametrize(
    ("services", "code", "what"),
    [
        ({"catalog": CATALOG, "order": ORDER}, "", ""),
        ({"catalog": CATALOG}, "replication.E005", "order_app has models, and is in no service"),
        ({"catalog": CATALOG, "order": service("order_app", "reviews_app", replicas=("order-1", "order-2"))},
         "replication.E006", "'reviews_app', which isn't installed"),
        ({"catalog": CATALOG, "order": service("order_app", "shelf", replicas=("order-1", "order-2"))},
         "replication.E007", "'shelf' more than one place"),
        ({"catalog": CATALOG, "order": service("order_app", "auth", replicas=("order-1", "order-2"))},
         "replication.E007", "'auth' more than one place"),
        ({"catalog": CATALOG, "order": service("order_app", replicas=("order-1",))},
         "replication.E008", "order has 1 replicas, and needs 2"),
        ({"catalog": CATALOG, "order": service("order_app", replicas=("order-1", "order-3"))},
         "replication.E009", "order-3 of the service order has no database"),
    ],
)  # fmt: skip
def test_each_app_has_one_place_and_each_service_two_databases(
    services: dict[str, Any], code: str, what: str
) -> None:
    with replication(SERVICES=services):
        found = check_services(None)
    assert [message.id for message in found] == ([code] if code else [])
    assert all(what in message.msg and message.hint for message in found)


def test_an_app_that_is_declared_to_be_elsewhere_needs_no_service() -> None:
    with replication(SERVICES={"catalog": CATALOG}, UNREPLICATED_APPS=["order_app"]):
        assert "replication.E005" in {message.id for message in check_services(None)}, "the accounts' apps"
    with replication(SERVICES={"catalog": CATALOG}, UNREPLICATED_APPS=[*others(), "order_app"]):
        assert check_services(None) == []


def others() -> list[str]:
    return list(settings.REPLICATION["UNREPLICATED_APPS"])


def cached(**members: Any) -> CachedResource:
    return replace(TOPIC, **members)


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"model": "catalog_app.Bock"}, "shows catalog_app.Bock, which is no replicated model"),
        ({"model": "auth.User"}, "shows auth.User, which is no replicated model"),
        ({"column": "book"}, "names 'book', which is no column"),
        ({"shows": ("id", "subject")}, "names 'subject', which is no column"),
        ({"routes": ("search/",)}, "has not one <int:"),
        ({"routes": ("a/<int:b>/<int:c>",)}, "has not one <int:"),
        ({"routes": ("a/<uuid:b>",)}, "has not one <int:"),
        ({}, ""),
    ],
)
def test_what_a_cached_resource_names_is_there(
    members: dict[str, Any], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replication_settings, "cached_resources", (cached(**members),))
    found = check_cached_resources(None)
    assert [message.id for message in found] == (["replication.E011"] if what else [])
    assert all(what in message.msg for message in found)
