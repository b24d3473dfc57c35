"""Data alone: the columns stay as they are."""

from typing import Any, ClassVar

from django.db import migrations
from django.db.models import F


def multiply(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shelf", "Reader").objects.update(level=F("level") * 10)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("shelf", "0003_reader_level")]
    operations: ClassVar = [migrations.RunPython(multiply, migrations.RunPython.noop)]
