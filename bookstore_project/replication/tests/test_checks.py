"""Models that replication can't carry, and those that have no place, are found by Django's system checks."""

import sys
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps
from django.urls import clear_url_caches

from bookstore_project.api.cached_resources import CachedResource
from bookstore_project.replication.checks import (
    check_cached_resources,
    check_model,
    check_replicated_models,
    check_services,
)
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.tests.shelf.models import Reader
from bookstore_project.replication.tests.shelf.resources import KIND
from bookstore_project.replication.web.admin import ModelAdmin, ReplicatedAdmin
from bookstore_project.replication.web.checks import check_admin
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


PAIR, OTHER_PAIR = ("shelf-1", "shelf-2"), ("desk-1", "desk-2")


def service(*app_labels: str, replicas: tuple[str, ...] = OTHER_PAIR) -> dict[str, Any]:
    return {"APPS": app_labels, "REPLICAS": dict.fromkeys(replicas, "http://localhost:1")}


SHELF, DESK = service("shelf", replicas=PAIR), service("desk")


@pytest.mark.parametrize(
    ("services", "code", "what"),
    [
        ({"shelf": SHELF, "desk": DESK}, "", ""),
        ({"shelf": SHELF}, "replication.E005", "desk has models, and is in no service"),
        ({"shelf": SHELF, "desk": service("desk", "reviews_app")},
         "replication.E006", "'reviews_app', which isn't installed"),
        ({"shelf": SHELF, "desk": service("desk", "shelf")}, "replication.E007", "'shelf' more than one place"),
        ({"shelf": SHELF, "desk": service("desk", "auth")}, "replication.E007", "'auth' more than one place"),
        ({"shelf": SHELF, "desk": service("desk", replicas=OTHER_PAIR[:1])},
         "replication.E008", "desk has 1 replicas, and needs 2"),
        ({"shelf": SHELF, "desk": service("desk", replicas=("desk-1", "desk-3"))},
         "replication.E009", "desk-3 of the service desk has no database"),
    ],
)  # fmt: skip
def test_each_app_has_one_place_and_each_service_two_databases(
    services: dict[str, Any], code: str, what: str
) -> None:
    with replication(SERVICES=services, UNREPLICATED_APPS=others()):
        found = check_services(None)
    assert [message.id for message in found] == ([code] if code else [])
    assert all(what in message.msg and message.hint for message in found)


def test_an_app_that_is_declared_to_be_elsewhere_needs_no_service() -> None:
    with replication(SERVICES={"shelf": SHELF}, UNREPLICATED_APPS=["desk"]):
        assert "replication.E005" in {message.id for message in check_services(None)}, "the accounts' apps"
    with replication(SERVICES={"shelf": SHELF}, UNREPLICATED_APPS=[*others(), "desk"]):
        assert check_services(None) == []


def others() -> list[str]:
    """Every app that is installed, but for those of the tests of replication."""
    return [label for label in apps.app_configs if label not in ("shelf", "desk")]


def cached(**members: Any) -> CachedResource:
    return replace(KIND, **members)


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"model": "shelf.Artikel"}, "shows shelf.Artikel, which is no replicated model"),
        ({"model": "auth.User"}, "shows auth.User, which is no replicated model"),
        ({"column": "name"}, "names 'name', which is no column"),
        ({"shows": ("id", "subject")}, "names 'subject', which is no column"),
        ({"routes": ("kinds/",)}, "has not one <int:"),
        ({"routes": ("a/<int:b>/<int:c>",)}, "has not one <int:"),
        ({"routes": ("a/<uuid:b>",)}, "has not one <int:"),
        ({"column": ""}, "has a parameter, and no column for it"),
        ({"column": "", "routes": ("a/",)}, ""),
        ({}, ""),
    ],
)
def test_what_a_cached_resource_names_is_there(
    members: dict[str, Any], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replication_settings, "known_resources", (cached(**members),))
    found = check_cached_resources(None)
    assert [message.id for message in found] == (["replication.E011"] if what else [])
    assert all(what in message.msg for message in found)


KINDS = "bookstore_project.replication.tests.shelf.resources.KIND"


@pytest.mark.parametrize(
    ("paths", "what"),
    [
        (["bookstore_project.replication.tests.shelf.resources.KINDS"],
         "REPLICATION['CACHED_RESOURCES'] names 'bookstore_project.replication.tests.shelf.resources.KINDS', which"),
        (["bookstore_project.replication.tests.shelf.kinds.KIND"],
         "REPLICATION['CACHED_RESOURCES'] names 'bookstore_project.replication.tests.shelf.kinds.KIND', which"),
        (["KIND"], "REPLICATION['CACHED_RESOURCES'] names 'KIND', which can't be imported"),
        (["bookstore_project.replication.tests.shelf.models.Reader"], "CACHED_RESOURCES names <class "),
        ([KINDS, KINDS], "More than one cached resource is called 'kind'"),
        ([KINDS], ""),
    ],
)  # fmt: skip
def test_each_cached_resource_is_there_under_a_name_of_its_own(paths: list[str], what: str) -> None:
    with replication(CACHED_RESOURCES=paths):
        found = check_cached_resources(None)
    assert [message.id for message in found] == (["replication.E012"] if what else [])
    assert all(message.msg.startswith(what) for message in found)


def test_who_serves_does_not_do_without_a_resource_that_is_not_there() -> None:
    """Its keys would be in no log entry, and fronts would show what was."""
    with (
        replication(CACHED_RESOURCES=[KINDS, "shelf.KINDS"]),
        pytest.raises(ImproperlyConfigured, match=r"names 'shelf.KINDS'"),
    ):
        _ = replication_settings.cached_resources


def test_a_misspelt_resource_is_told_by_manage_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the checks come by: the routes of a front ask for the resources, too."""
    with replication(CACHED_RESOURCES=[KINDS, "shelf.KINDS"]):
        monkeypatch.delitem(sys.modules, "frontend_app.urls", raising=False)
        with (
            override_settings(ROOT_URLCONF="frontend_app.urls"),
            pytest.raises(SystemCheckError, match=r"E012.*shelf\.KINDS"),
        ):
            call_command("check")
    clear_url_caches()


class PlainAdmin(ModelAdmin):
    pass


class AdminOfAnotherService(ReplicatedAdmin):
    service = "desk"


@pytest.mark.parametrize(
    ("model", "made", "what"),
    [
        (Reader, PlainAdmin, "shelf.Reader is replicated, and its admin writes outside"),
        (Reader, AdminOfAnotherService, "shelf.Reader is in the service shelf, and its admin is of another one"),
        (
            Reader,
            ReplicatedAdmin,
            "shelf.Reader is in the service shelf, and its admin is of another one, or of none",
        ),
        (User, PlainAdmin, ""),
    ],
)
def test_an_admin_that_writes_past_replication_is_named(
    model: type[models.Model], made: type[ModelAdmin], what: str
) -> None:
    site = admin.AdminSite()
    site.register(model, made)
    found = [message for message in check_admin(None) if message.obj is made]
    all_sites.discard(site)
    assert [message.id for message in found] == (["replication.E013"] if what else [])
    assert all(what in message.msg and "`service = 'shelf'`" in str(message.hint) for message in found)
