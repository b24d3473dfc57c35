"""In steps of their own: killed in between, it leaves its file half migrated."""

from typing import Any, ClassVar

from django.db import migrations, models

from bookstore_project.replication.failpoints import reached


def promote(apps: Any, schema_editor: Any) -> None:
    readers = apps.get_model("shelf", "Reader").objects.using(schema_editor.connection.alias)
    readers.filter(pk__lt=3).update(level=1)
    reached("shelf-half-promoted")
    readers.filter(pk__gte=3).update(level=1)


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("shelf", "0002_reader_card")]
    operations: ClassVar = [
        migrations.AddField("reader", "level", models.IntegerField(default=0)),
        migrations.RunPython(promote, migrations.RunPython.noop),
    ]
