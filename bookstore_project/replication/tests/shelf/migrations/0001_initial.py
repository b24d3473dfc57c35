from typing import Any, ClassVar

from django.db import migrations, models
from django.db.models import F, Q

from bookstore_project.replication.conf import replication_settings

IS_ON_POSTGRESQL = replication_settings.engine == "postgresql"
ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
ROWLESS = """
CREATE TABLE shelf_rowless (code varchar(20) NOT NULL PRIMARY KEY, note varchar(100) NOT NULL)
"""


def to_shelf(on_delete: Any, **options: Any) -> Any:
    return models.ForeignKey("shelf.shelf", on_delete=on_delete, **options)


def optional_to_shelf(on_delete: Any) -> Any:
    return to_shelf(on_delete, blank=True, null=True, related_name="+")


def times(factor: int, *, stored: bool) -> Any:
    return models.GeneratedField(
        expression=F("count") * factor, output_field=models.IntegerField(), db_persist=stored
    )


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.CreateModel(
            "Article",
            [
                ID,
                ("title", models.CharField(max_length=200)),
                ("kind", models.CharField(db_index=True, max_length=100)),
                ("code", models.CharField(max_length=13, null=True, unique=True)),
                ("price", models.DecimalField(decimal_places=2, max_digits=10)),
                ("quantity", models.PositiveIntegerField(default=0)),
                ("version", models.PositiveIntegerField(default=1)),
                ("title_key", models.TextField(blank=True, db_index=True, default="", editable=False)),
                ("kind_key", models.TextField(blank=True, default="", editable=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(price__gte=0), name="article_price_is_not_negative"),
                    models.CheckConstraint(condition=Q(version__gte=1), name="article_version_counts_from_one"),
                ]
            },
        ),
        migrations.CreateModel(
            "Movement",
            [
                ID,
                ("change", models.BigIntegerField()),
                ("balance", models.BigIntegerField()),
                ("receipt", models.UUIDField(null=True)),
                ("title", models.CharField(max_length=200)),
                ("price", models.DecimalField(decimal_places=2, max_digits=10)),
                ("made_at", models.DateTimeField()),
                ("article", models.ForeignKey("shelf.article", models.PROTECT, related_name="movements")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["receipt", "article"], name="movement_once_per_receipt")
                ]
            },
        ),
        migrations.CreateModel(
            "Note",
            [
                ("key", models.UUIDField(primary_key=True, serialize=False)),
                ("text", models.TextField(default="")),
            ],
        ),
        migrations.CreateModel(
            "Shelf",
            [
                ID,
                ("name", models.CharField(max_length=100, unique=True)),
                ("above", models.ForeignKey("shelf.shelf", models.SET_NULL, blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            "Tag", [("word", models.CharField(max_length=100, primary_key=True, serialize=False))]
        ),
        migrations.CreateModel("Reader", [ID, ("name", models.CharField(max_length=100))]),
        migrations.CreateModel(
            "Thing",
            [
                ID,
                ("name", models.CharField(max_length=100)),
                ("count", models.IntegerField(default=0)),
                ("twice", times(2, stored=True)),
                ("thrice", times(3, stored=IS_ON_POSTGRESQL)),
                ("shelf", to_shelf(models.CASCADE, related_name="things")),
                ("former", optional_to_shelf(models.SET_NULL)),
                ("home", to_shelf(models.SET_DEFAULT, default=1, related_name="+")),
                ("loose", optional_to_shelf(models.DO_NOTHING)),
                ("tags", models.ManyToManyField("shelf.tag")),
            ],
        ),
        migrations.CreateModel(
            "Loan",
            [
                ID,
                ("days", models.IntegerField(default=14)),
                ("thing", models.ForeignKey("shelf.thing", models.CASCADE)),
                ("reader", models.ForeignKey("shelf.reader", models.CASCADE)),
            ],
        ),
        migrations.AddField("thing", "borrowers", models.ManyToManyField("shelf.reader", through="shelf.Loan")),
        migrations.CreateModel(
            "Lamp",
            [
                (
                    "thing_ptr",
                    models.OneToOneField(
                        "shelf.thing",
                        models.CASCADE,
                        auto_created=True,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("watts", models.IntegerField(default=40)),
            ],
            bases=("shelf.thing",),
        ),
        migrations.CreateModel(
            "Oddment",
            [
                ID,
                ("text", models.TextField(default="")),
                ("blob", models.BinaryField(default=b"")),
                ("document", models.JSONField(null=True)),
                ("uuid", models.UUIDField(null=True)),
                ("moment", models.DateTimeField(null=True)),
                ("day", models.DateField(null=True)),
                ("time", models.TimeField(null=True)),
                ("duration", models.DurationField(null=True)),
                ("number", models.BigIntegerField(null=True)),
                ("amount", models.DecimalField(decimal_places=4, max_digits=15, null=True)),
                ("flag", models.BooleanField(null=True)),
                ("address", models.GenericIPAddressField(null=True)),
            ],
        ),
        migrations.RunSQL(
            ROWLESS if IS_ON_POSTGRESQL else f"{ROWLESS} WITHOUT ROWID",
            "DROP TABLE shelf_rowless",
            state_operations=[
                migrations.CreateModel(
                    "Rowless",
                    [
                        ("code", models.CharField(max_length=20, primary_key=True, serialize=False)),
                        ("note", models.CharField(default="", max_length=100)),
                    ],
                )
            ],
        ),
    ]
