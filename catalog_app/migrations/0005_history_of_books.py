"""Books have a history. Of the time before, it has what the ledger knows: who, when, how many, but not which way."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PAST = """
INSERT INTO catalog_app_bookchange (book_id, field, before, after, actor, way, created_at)
SELECT book_id, kind, CASE kind WHEN 'initial' THEN '' ELSE CAST(balance - change AS TEXT) END,
       CAST(balance AS TEXT), actor, '', created_at
FROM catalog_app_ledgerentry WHERE kind IN ('initial', 'restock', 'correction') ORDER BY id
"""


def take_over_past(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """With plain SQL: the ledger of a large shop is long."""
    with editor.connection.cursor() as cursor:
        cursor.execute(PAST)


class Migration(migrations.Migration):
    dependencies = [("catalog_app", "0004_orders_of_several_books")]

    operations = [
        migrations.CreateModel(
            "BookChange",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "field",
                    models.CharField(
                        choices=[
                            ("title", "Title"),
                            ("authors", "Authors"),
                            ("isbn13", "ISBN-13"),
                            ("topic", "Topic"),
                            ("price", "Price"),
                            ("retired", "Retired"),
                            ("initial", "First stock"),
                            ("restock", "Stock, restocked"),
                            ("correction", "Stock, corrected"),
                        ],
                        max_length=10,
                        verbose_name="what",
                    ),
                ),
                ("before", models.TextField(blank=True, default="", verbose_name="from")),
                ("after", models.TextField(blank=True, default="", verbose_name="to")),
                ("actor", models.CharField(blank=True, default="", max_length=150, verbose_name="who")),
                (
                    "way",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("page", "page of the admin"),
                            ("api", "API"),
                            ("import", "import"),
                            ("shell", "shell or command"),
                            ("store", "the store itself"),
                            ("", "not recorded"),
                        ],
                        default="",
                        max_length=6,
                        verbose_name="by way of",
                    ),
                ),
                ("created_at", models.DateTimeField(db_index=True, verbose_name="when")),
                (
                    "book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="history", to="catalog_app.book"
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a book",
                "verbose_name_plural": "changes of books",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.RunPython(take_over_past, migrations.RunPython.noop, elidable=True),
    ]
