"""Two groups of staff, made once: what an administrator changes of them, or removes, stays so."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAMES = {
    ("catalog_app", "book"): {
        "view_book": "Can view book",
        "add_book": "Can add book",
        "change_book": "Can change book",
        "delete_book": "Can delete book",
    },
    ("catalog_app", "ledgerentry"): {"view_ledgerentry": "Can view ledger entry"},
    ("order_app", "order"): {"view_order": "Can view order"},
    ("frontend_app", "storeoperation"): {
        "drain_replica": "Can take replicas out of the rotation and let them in again",
        "clear_cache": "Can empty the cache of a front",
        "break_store": "Can stop nodes and damage files, where the store is there to be broken",
    },
}
GROUPS = {
    "shop assistants": ("view_book", "add_book", "change_book", "delete_book", "view_ledgerentry", "view_order"),
    "operators": ("view_book", "view_ledgerentry", "view_order", "drain_replica", "clear_cache", "break_store"),
}


def make_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A group that is there by that name already is somebody's own."""
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permissions = _permissions(apps, using)
    for name, codes in GROUPS.items():
        group, is_new = group_model._default_manager.using(using).get_or_create(name=name)
        if is_new:
            group.permissions.set([permissions[code] for code in codes])


def _permissions(apps: Apps, using: str) -> dict[str, Any]:
    """By code. Django itself makes them after all migrations only, and finds them then."""
    content_type = apps.get_model("contenttypes", "ContentType")
    permission = apps.get_model("auth", "Permission")
    made: dict[str, Any] = {}
    for (app, model), named in NAMES.items():
        kind, _ = content_type._default_manager.using(using).get_or_create(app_label=app, model=model)
        for code, name in named.items():
            made[code], _ = permission._default_manager.using(using).get_or_create(
                content_type=kind, codename=code, defaults={"name": name}
            )
    return made


class Migration(migrations.Migration):
    dependencies = (
        ("frontend_app", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (migrations.RunPython(make_groups, migrations.RunPython.noop),)
