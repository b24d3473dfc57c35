from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.CreateModel(
            "Mark",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            "Slip",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField(unique=True)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            "Line",
            [
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("article", models.BigIntegerField(db_index=True)),
                ("title", models.CharField(max_length=200)),
                ("quantity", models.PositiveIntegerField()),
                ("slip", models.ForeignKey("desk.slip", models.PROTECT, related_name="lines")),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=Q(quantity__gte=1), name="line_is_of_something")]
            },
        ),
    ]
