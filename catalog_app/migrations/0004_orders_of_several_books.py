"""An order may have several rows in the ledger, one for each of its books."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog_app", "0003_search_keys_again")]

    operations = [
        migrations.AlterField(
            "ledgerentry", "order", models.UUIDField(blank=True, help_text="Of a sale or a refusal.", null=True)
        ),
        migrations.AddConstraint(
            "ledgerentry",
            models.UniqueConstraint(fields=("order", "book"), name="ledger_has_a_book_once_per_order"),
        ),
    ]
