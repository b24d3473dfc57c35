"""Books of a topic are read from an index in each order that the shop offers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0009_lists_in_every_order"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["topic", "title_key", "title", "id", "retired"],
                name="book_on_sale_by_topic_title",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["topic", "authors_key", "authors", "id", "retired"],
                name="book_on_sale_by_topic_authors",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["topic", "price", "id", "retired"],
                name="book_on_sale_by_topic_price",
            ),
        ),
    ]
