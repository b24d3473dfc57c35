"""Orders get a search key beside their title, which stays what it was when it was sold."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from bookstore_project.text.backfill import fill_keys


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    fill_keys(editor, apps.get_model("order_app", "Order"), {"title_key": "title"})


class Migration(migrations.Migration):
    dependencies = [("order_app", "0001_initial")]

    operations = [
        migrations.AddField("order", "title_key", models.TextField(blank=True, default="", editable=False)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
