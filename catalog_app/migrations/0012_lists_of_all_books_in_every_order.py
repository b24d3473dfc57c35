"""All books, retired ones among them, are listed by authors and by topic from an index, and are found by ISBN."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0011_all_books_by_price_and_stock"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_authors",
        ),
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_topic_key",
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["authors_key", "authors", "id", "retired"], name="book_by_authors"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["topic_key", "topic", "id", "retired"], name="book_by_topic"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("retired", True)), fields=["isbn13"], name="book_retired_by_isbn13"
            ),
        ),
    ]
