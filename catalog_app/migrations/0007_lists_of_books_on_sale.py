"""Lists of books on sale are read by indexes, in their order."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0006_returns"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)), fields=["title_key", "title"], name="book_on_sale_by_title"
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)), fields=["price"], name="book_on_sale_by_price"
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)), fields=["topic"], name="book_on_sale_by_topic"
            ),
        ),
    ]
