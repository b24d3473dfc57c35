"""The list of what is sold out is read by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog_app", "0007_lists_of_books_on_sale"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="book",
            index=models.Index(
                condition=models.Q(("quantity", 0), ("retired", False)), fields=["quantity"], name="book_sold_out"
            ),
        ),
    ]
