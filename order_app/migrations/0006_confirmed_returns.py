"""The sweeper remembers in which timeline of the catalog it has compared returns."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("order_app", "0005_order_changes"),
    ]

    operations = [
        migrations.AddField(
            model_name="sweepmark",
            name="timeline",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Of the catalog: every finished cancellation has its return there.",
                max_length=64,
            ),
        ),
    ]
