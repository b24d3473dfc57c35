"""Search keys by the rules of now: numbers with and without separators of thousands, more apostrophes, `100 %`."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from bookstore_project.text.backfill import fill_keys


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    fill_keys(editor, apps.get_model("order_app", "Order"), {"title_key": "title"})


class Migration(migrations.Migration):
    dependencies = [("order_app", "0002_search_keys")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
