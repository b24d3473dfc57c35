"""What staff did with orders: collected, cancelled, refunded. Orders of before were only bought."""

from decimal import Decimal

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError


def refuse_to_lose_changes(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Raises IrreversibleError for what staff did, which has no place in the schema of before."""
    changes = apps.get_model("order_app", "OrderChange").objects.using(editor.connection.alias)
    if count := changes.count():
        raise IrreversibleError(f"Staff changed orders {count} times: that can't be kept in the schema of before.")


class Migration(migrations.Migration):
    dependencies = [
        ("order_app", "0004_order_lines"),
    ]

    operations = [
        migrations.CreateModel(
            name="CancelledLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quantity", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="OrderChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        help_text="Follows from the idempotency key.", primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("collected", "Collected"), ("cancelled", "Cancelled"), ("refunded", "Refunded")],
                        max_length=10,
                    ),
                ),
                (
                    "progress",
                    models.CharField(
                        choices=[
                            ("pending", "copies are on their way back"),
                            ("done", "Done"),
                            ("unsold", "nothing came back: the ledger has lost the sale"),
                            ("void", "taken back: the copies had come back before"),
                        ],
                        db_index=True,
                        default="done",
                        max_length=10,
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        help_text="Of a refund: the money given back.",
                        max_digits=15,
                    ),
                ),
                ("actor", models.CharField(blank=True, default="", help_text="Who did it.", max_length=150)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                (
                    "fingerprint",
                    models.CharField(
                        blank=True, default="", help_text="Of the request; empty if it was lost.", max_length=64
                    ),
                ),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.AddField(
            model_name="order",
            name="refunded",
            field=models.DecimalField(
                decimal_places=2, default=Decimal("0"), help_text="Money given back.", max_digits=15
            ),
        ),
        migrations.AddField(
            model_name="orderline",
            name="cancelled",
            field=models.PositiveIntegerField(default=0, help_text="Of these copies, those that were cancelled."),
        ),
        migrations.AlterField(
            model_name="order",
            name="status",
            field=models.CharField(
                choices=[("completed", "to hand out"), ("collected", "Collected"), ("cancelled", "Cancelled")],
                default="completed",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded__gte", 0)), name="order_refund_is_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(("cancelled__gte", 0), ("cancelled__lte", models.F("quantity"))),
                name="order_line_has_what_was_cancelled",
            ),
        ),
        migrations.AddField(
            model_name="cancelledline",
            name="line",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="order_app.orderline"
            ),
        ),
        migrations.AddField(
            model_name="orderchange",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="order_app.order"
            ),
        ),
        migrations.AddField(
            model_name="cancelledline",
            name="change",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="order_app.orderchange"
            ),
        ),
        migrations.AddConstraint(
            model_name="cancelledline",
            constraint=models.UniqueConstraint(fields=("change", "line"), name="cancellation_has_a_line_once"),
        ),
        migrations.AddConstraint(
            model_name="cancelledline",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="cancellation_has_copies"
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_to_lose_changes),
    ]
