"""The groups of staff: what the first run makes of them, and what a later version may add."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection

pytestmark = pytest.mark.django_db
migration = import_module("frontend_app.migrations.0003_orders_are_changed")


def allow() -> None:
    migration.allow(apps, SimpleNamespace(connection=connection))


def may(group: Group) -> bool:
    return group.permissions.filter(codename="change_order").exists()


def test_shop_assistants_change_orders() -> None:
    assert may(Group.objects.get(name="shop assistants"))
    assert not may(Group.objects.get(name="operators"))


def test_the_group_of_an_older_store_may_change_orders_from_now_on() -> None:
    group = Group.objects.get(name="shop assistants")
    group.permissions.remove(Permission.objects.get(codename="change_order"))
    allow()
    allow()
    assert may(group)


def test_a_group_that_somebody_has_changed_or_removed_stays_so() -> None:
    group = Group.objects.get(name="shop assistants")
    group.permissions.remove(*Permission.objects.filter(codename__in=("change_order", "delete_book")))
    allow()
    assert not may(group)
    group.delete()
    allow()
    assert not Group.objects.filter(name="shop assistants").exists()
