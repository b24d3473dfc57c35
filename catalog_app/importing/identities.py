"""Which rows of one file are the same book: by ISBN-13 where it is known, else by title and authors."""

from dataclasses import replace

from catalog_app.importing.rows import Row


class Identities:
    """What the file has told so far.

    Only the file decides, never the store: so an import that is repeated decides in the same way, and finds each
    book that it made.
    """

    def __init__(self) -> None:
        self._owned: set[str] = set()
        self._titles: set[tuple[str, str]] = set()

    def place(self, row: Row) -> Row | None:
        """The row as it goes into the store; None if it repeats an earlier one.

        The second of two different books under one ISBN-13 goes in without it: two books can't have it, and a
        wrong number is no reason to lose a book.
        """
        if row.isbn13 in self._owned:
            row = replace(row, isbn13=None)  # If it is the same book, its title and authors say so.
        elif row.isbn13 is not None:
            self._owned.add(row.isbn13)
        if row.isbn13 is None and row.title_and_authors in self._titles:
            return None
        self._titles.add(row.title_and_authors)
        return row
