"""A hand-out can be undone. No column changes: files of before are read and written as they are."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError


def refuse_to_lose_them(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Raises IrreversibleError: code of before would take such an order for one that was collected."""
    changes = apps.get_model("order_app", "OrderChange").objects.using(editor.connection.alias)
    if count := changes.filter(kind="reopened").count():
        raise IrreversibleError(f"Staff undid {count} hand-outs: code of before doesn't know that.")


class Migration(migrations.Migration):
    dependencies = [
        ("order_app", "0006_confirmed_returns"),
    ]

    operations = [
        migrations.AlterField(
            model_name="orderchange",
            name="kind",
            field=models.CharField(
                choices=[
                    ("collected", "Collected"),
                    ("reopened", "hand-out undone"),
                    ("cancelled", "Cancelled"),
                    ("refunded", "Refunded"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_to_lose_them),
    ]
