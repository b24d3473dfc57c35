"""What fronts ask a catalog replica for at each miss: a book's details, as `views.BookView` gives them."""

import re

from bookstore_project.api.cached_resources import BOOK
from bookstore_project.replication.web.direct_reads import Read
from bookstore_project.settings import topology
from catalog_app import selectors
from catalog_app.serializers import book_bytes

BOOKS = Read(
    topology.CATALOG,
    re.compile(r"/api/v1/books/([1-9][0-9]{0,17})/"),
    route=BOOK.routes[0],
    key=BOOK.key,
    body=lambda value: book_bytes(selectors.book_get(int(value))),
)
