"""BOOKSTORE_TIME_ZONE: people read the shop's own time, programs UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings
from rest_framework import serializers

from bookstore_project.api.fields import MomentField
from bookstore_project.api.query_parameters import OrderQuery
from bookstore_project.api.representations import OrderFields
from bookstore_project.cluster.tests.interpreter import python
from bookstore_project.settings import environment
from frontend_app.dashboard import serializers as dashboard_serializers
from frontend_app.templatetags import moments

MOMENT = datetime(2030, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture
def berlin(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Etc/GMT-14"])
def test_a_zone_is_taken_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("BOOKSTORE_TIME_ZONE", name)
    assert environment.time_zone("TIME_ZONE", "UTC") == name


def test_without_a_zone_it_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOKSTORE_TIME_ZONE", raising=False)
    assert environment.time_zone("TIME_ZONE", "UTC") == "UTC"


@pytest.mark.parametrize(
    "name", ["Moon/Base", "Europe", "../etc/passwd", "/etc/localtime", "zone.tab", "x" * 500, "+02:00"]
)
def test_what_is_no_zone_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("BOOKSTORE_TIME_ZONE", name)
    with pytest.raises(ImproperlyConfigured, match=r"BOOKSTORE_TIME_ZONE=.*such as Europe/Berlin or UTC\."):
        environment.time_zone("TIME_ZONE", "UTC")


def test_a_zone_with_a_slip_of_the_pen_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSTORE_TIME_ZONE", "europe/berln")
    with pytest.raises(ImproperlyConfigured, match=r"Did you mean Europe/Berlin\?"):
        environment.time_zone("TIME_ZONE", "UTC")


def test_nothing_starts_with_an_unknown_zone() -> None:
    started = python("from bookstore_project.settings import base", BOOKSTORE_TIME_ZONE="Moon/Base")
    assert started.returncode != 0
    assert started.stderr.splitlines()[-1].endswith(
        "BOOKSTORE_TIME_ZONE='Moon/Base': expected the name of a time zone, such as Europe/Berlin or UTC."
    )


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("sent", [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=2)))])
def test_programs_are_told_utc(sent: datetime) -> None:
    shown = OrderFields({"created_at": sent}).fields["created_at"].to_representation(sent)
    assert shown == "2030-07-01T22:30:00Z"


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("sent", ["2030-07-01T22:30:00Z", "2030-07-02T00:30:00+02:00", "2030-07-01t22:30:00.000z"])
def test_what_programs_say_is_in_the_zone_that_they_say(sent: str) -> None:
    query = OrderQuery(data={"created_after": sent})
    query.is_valid(raise_exception=True)
    assert query.validated_data["created_after"] == MOMENT


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("at", ["2030-07-01T22:30:00Z", "2030-07-01T22:30:00.123456Z", "2030-07-02T00:30:00+02:00"])
def test_people_are_told_the_shops_time(at: str) -> None:
    assert (moments.clock(at), moments.moment(at)) == ("00:30:00", "2 Jul 2030, 00:30 CEST")


def kinds(base: type[serializers.BaseSerializer[Any]]) -> Iterator[type[serializers.BaseSerializer[Any]]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_no_serializer_tells_the_pages_zone() -> None:
    assert dashboard_serializers  # Its classes are there.
    found = {
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind in kinds(serializers.Serializer)
        for name, field in getattr(kind, "_declared_fields", {}).items()
        if isinstance(field, serializers.DateTimeField) and not isinstance(field, MomentField)
    }
    assert not {name for name in found if name.partition(".")[0].endswith(("_app", "_project"))}
