"""How many books there are, on sale and retired: what lists say without counting."""

from bookstore_project.replication.row_counts import RowCount

BOOKS = RowCount("books", "catalog_app.Book", ("retired",))
BOOKS_BY_TOPIC = RowCount("books_by_topic", "catalog_app.Book", ("retired", "topic", "topic_key"))
