"""Each order in which books on sale are listed is read from an index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0008_list_of_books_sold_out"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_title",
        ),
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_price",
        ),
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_topic",
        ),
        migrations.RemoveIndex(
            model_name="book",
            name="book_sold_out",
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(condition=models.Q(("retired", False)), fields=["id", "retired"], name="book_on_sale"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["title_key", "title", "id", "retired"],
                name="book_on_sale_by_title",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["authors_key", "authors", "id", "retired"],
                name="book_on_sale_by_authors",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["topic", "id", "retired"],
                name="book_on_sale_by_topic",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["topic_key", "topic", "id", "retired"],
                name="book_on_sale_by_topic_key",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["price", "id", "retired"],
                name="book_on_sale_by_price",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", False)),
                fields=["quantity", "id", "retired"],
                name="book_on_sale_by_quantity",
            ),
        ),
    ]
