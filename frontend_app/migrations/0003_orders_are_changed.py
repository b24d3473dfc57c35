"""Shop assistants hand out, cancel and refund orders, where their group is what the first run made of it."""

from importlib import import_module

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

groups = import_module("frontend_app.migrations.0002_groups")
NAME = "shop assistants"


def allow(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A group that somebody has changed stays as it is."""
    using = schema_editor.connection.alias
    group = apps.get_model("auth", "Group")._default_manager.using(using).filter(name=NAME).first()
    if group is None or set(group.permissions.values_list("codename", flat=True)) != set(groups.GROUPS[NAME]):
        return
    kind, _ = (
        apps.get_model("contenttypes", "ContentType")
        ._default_manager.using(using)
        .get_or_create(app_label="order_app", model="order")
    )
    permission, _ = (
        apps.get_model("auth", "Permission")
        ._default_manager.using(using)
        .get_or_create(content_type=kind, codename="change_order", defaults={"name": "Can change order"})
    )
    group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (("frontend_app", "0002_groups"),)
    operations = (migrations.RunPython(allow, migrations.RunPython.noop),)
