"""The permissions of operators."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="StoreOperation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "permissions": (
                    ("drain_replica", "Can take replicas out of the rotation and let them in again"),
                    ("clear_cache", "Can empty the cache of a front"),
                    (
                        "break_store",
                        "Can stop nodes and damage files, where the store is there to be broken",
                    ),
                ),
                "default_permissions": (),
            },
        ),
    )
