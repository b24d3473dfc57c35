"""All books, retired ones among them, are listed by price and by stock from an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0010_topics_in_every_order"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_price",
        ),
        migrations.RemoveIndex(
            model_name="book",
            name="book_on_sale_by_quantity",
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["price", "id", "retired"], name="book_by_price"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["quantity", "id", "retired"], name="book_by_quantity"),
        ),
    ]
