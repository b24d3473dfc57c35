"""Where the words of books are looked up: of their search keys, title before authors."""

from bookstore_project.replication.text_indexes import TextIndex

_KEYS = ("title_key", "authors_key")
WORDS = TextIndex("book_words", "catalog_app.Book", _KEYS, finds="words")
PARTS = TextIndex("book_parts", "catalog_app.Book", _KEYS, finds="parts")
