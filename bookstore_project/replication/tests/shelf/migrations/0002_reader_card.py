"""Data and schema in one transaction: a card for each reader, numbered at random, on a table that is remade."""

import uuid
from typing import Any, ClassVar

from django.db import migrations, models
from django.db.models.functions import Upper

from bookstore_project.replication.failpoints import reached


def give_cards(apps: Any, schema_editor: Any) -> None:
    # Without using(): the router sends it to the file that is migrated.
    for reader in apps.get_model("shelf", "Reader").objects.all():
        reader.card = uuid.uuid4().hex[:20]
        reader.save()
    reached("shelf-cards-given")


def name_them(apps: Any, schema_editor: Any) -> None:
    readers = apps.get_model("shelf", "Reader").objects.using(schema_editor.connection.alias)
    readers.update(name=Upper("name"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("shelf", "0001_initial")]
    operations: ClassVar = [
        migrations.AddField("reader", "card", models.CharField(default="", max_length=20)),
        migrations.RunPython(give_cards, migrations.RunPython.noop),
        migrations.RunPython(name_them, migrations.RunPython.noop),
    ]
