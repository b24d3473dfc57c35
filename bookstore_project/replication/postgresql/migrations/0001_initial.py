"""The tables of this engine: see `postgresql.schema`. Of the models, the log alone is among them."""

from django.db import migrations, models

from bookstore_project.replication.postgresql.schema import TABLES


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL(
            TABLES,
            state_operations=[
                migrations.CreateModel(
                    name="LogEntry",
                    fields=[
                        ("position", models.IntegerField(primary_key=True, serialize=False)),
                        ("epoch", models.BigIntegerField()),
                        ("payload", models.TextField()),
                        ("keys", models.TextField()),
                        ("hash", models.CharField(max_length=64)),
                    ],
                )
            ],
        )
    ]
