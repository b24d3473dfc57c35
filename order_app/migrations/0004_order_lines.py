"""An order has lines. Each order of before gets the one line that it was."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError
from django.db.models import Count

FILL = """
    INSERT INTO order_app_orderline (sale, order_id, book, title, quantity, unit_price, title_key)
    SELECT sale, id, book, title, quantity, unit_price, title_key FROM order_app_order ORDER BY sale
"""
FILL_BACK = """
    UPDATE order_app_order SET (book, title, quantity, unit_price, title_key) =
    (SELECT book, title, quantity, unit_price, title_key FROM order_app_orderline WHERE order_id = order_app_order.id)
"""


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    editor.execute(FILL)


def fill_back(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Raises IrreversibleError for orders of several lines, which have no place in the schema of before."""
    lines = apps.get_model("order_app", "OrderLine").objects.using(editor.connection.alias)
    if several := lines.values("order").annotate(lines=Count("pk")).filter(lines__gt=1).count():
        raise IrreversibleError(f"{several} orders have several lines: they can't be kept in the schema of before.")
    editor.execute(FILL_BACK)


class Migration(migrations.Migration):
    dependencies = [("order_app", "0003_search_keys_again")]

    operations = [
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                (
                    "sale",
                    models.BigIntegerField(
                        help_text="The number of the catalog's ledger row.", primary_key=True, serialize=False
                    ),
                ),
                ("book", models.BigIntegerField(db_index=True, help_text="The book's id in the catalog.")),
                ("title", models.CharField(max_length=500)),
                ("quantity", models.PositiveIntegerField()),
                ("unit_price", models.DecimalField(decimal_places=2, max_digits=10)),
                ("title_key", models.TextField(blank=True, default="", editable=False)),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="order_app.order"
                    ),
                ),
            ],
            options={
                "ordering": ("sale",),
                "constraints": [
                    models.UniqueConstraint(fields=("order", "book"), name="order_has_a_book_once"),
                    models.CheckConstraint(condition=models.Q(("quantity__gte", 1)), name="order_line_has_copies"),
                    models.CheckConstraint(
                        condition=models.Q(("unit_price__gte", 0)), name="order_line_price_is_not_negative"
                    ),
                ],
            },
        ),
        # Defaults for the way back, where the columns come anew and are filled from the lines.
        migrations.AlterField("order", "book", models.BigIntegerField(db_index=True, default=0)),
        migrations.AlterField("order", "title", models.CharField(max_length=500, default="")),
        migrations.AlterField("order", "quantity", models.PositiveIntegerField(default=1)),
        migrations.AlterField("order", "unit_price", models.DecimalField(decimal_places=2, max_digits=10, default=0)),
        migrations.RunPython(fill, fill_back),
        migrations.RemoveConstraint("order", "order_has_copies"),
        migrations.RemoveConstraint("order", "order_price_is_not_negative"),
        migrations.RemoveField("order", "book"),
        migrations.RemoveField("order", "title"),
        migrations.RemoveField("order", "title_key"),
        migrations.RemoveField("order", "quantity"),
        migrations.RemoveField("order", "unit_price"),
        migrations.AlterField(
            "order",
            "sale",
            models.BigIntegerField(help_text="The number of the catalog's first ledger row of it.", unique=True),
        ),
    ]
