"""Models that replication can't carry are found by Django's system checks."""

import pytest
from django.db import models
from django.test.utils import isolate_apps

from bookstore_project.replication.checks import check_model, check_replicated_models


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
    ],
)
def test_what_can_not_be_carried_is_named(members: dict[str, object], code: str) -> None:
    assert codes(**members) == [code]


def test_a_computed_column_may_be_what_it_likes() -> None:
    ratio = models.GeneratedField(expression=models.F("n") / 3.0, output_field=models.FloatField(), db_persist=True)
    assert codes(n=models.IntegerField(), ratio=ratio) == []
