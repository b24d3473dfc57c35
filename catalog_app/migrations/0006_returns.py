"""Copies of cancelled orders come back by rows of their own."""

import django.db.models.expressions
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError


def refuse_to_lose_returns(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Raises IrreversibleError for returns, which have no place in the schema of before."""
    entries = apps.get_model("catalog_app", "LedgerEntry").objects.using(editor.connection.alias)
    if returns := entries.filter(kind="return").count():
        raise IrreversibleError(f"{returns} rows of the ledger are returns: the schema of before has no such rows.")


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0005_history_of_books"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="ledger_change_fits_its_kind",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="ledger_has_a_book_once_per_order",
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="cancellation",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Of a return: the id of what brought the copies back.",
                max_length=36,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("initial", "Initial"),
                    ("restock", "Restock"),
                    ("sale", "Sale"),
                    ("refusal", "Refusal"),
                    ("correction", "Correction"),
                    ("return", "Return"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="order",
            field=models.UUIDField(blank=True, help_text="Of a sale, a refusal or a return.", null=True),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="quantity",
            field=models.PositiveIntegerField(
                default=0, help_text="Copies that the order asked for, or that came back."
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                fields=("order", "book", "cancellation"), name="ledger_has_a_book_once_per_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cancellation", ""),
                        (
                            "change",
                            django.db.models.expressions.CombinedExpression(
                                models.F("quantity"), "*", models.Value(-1)
                            ),
                        ),
                        ("kind", "sale"),
                        ("order__isnull", False),
                        ("quantity__gte", 1),
                    ),
                    models.Q(
                        ("cancellation", ""),
                        ("change", 0),
                        ("kind", "refusal"),
                        ("order__isnull", False),
                        ("quantity__gte", 1),
                    ),
                    models.Q(
                        ("change", models.F("quantity")),
                        ("kind", "return"),
                        ("order__isnull", False),
                        ("quantity__gte", 1),
                        models.Q(("cancellation", ""), _negated=True),
                    ),
                    models.Q(("cancellation", ""), ("change__gte", 1), ("kind", "restock"), ("order__isnull", True)),
                    models.Q(("cancellation", ""), ("change__gte", 0), ("kind", "initial"), ("order__isnull", True)),
                    models.Q(("cancellation", ""), ("kind", "correction"), ("order__isnull", True)),
                    _connector="OR",
                ),
                name="ledger_change_fits_its_kind",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_to_lose_returns),
    ]
