"""Answers of the catalog that fronts keep: of each, its addresses, its cache keys, and the changes that touch it.

This is all that a front and the replicas have to agree on. REPLICATION["CACHED_RESOURCES"] names what is declared so:
replicas work out from it which keys a change touches, fronts which addresses may be in their cache.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from bookstore_project.api.representations import TOPIC_LENGTH, is_book_id
from bookstore_project.text.canonical import canonical_or_same

Image = Mapping[str, Any]
"""A row: column → value."""

PARAMETER = re.compile(r"<(int|str|path):(\w+)>")
ONLY = ""
"""The value of a resource that has but one answer."""
_MEANT_OTHERWISE = (".", "..")
"""In a path these two are taken out by HTTP clients, before they ask."""


@dataclass(frozen=True)
class CachedResource:
    """One kind of answer: a book, the titles of a topic. One value tells its answers apart, if there are several."""

    name: str
    """What its cache keys begin with."""
    routes: tuple[str, ...]
    """As for Django's `path()`, each with that value as its only parameter, or with none. Replicas get the first."""
    model: str
    """Whose rows it shows: `app_label.Model`."""
    column: str
    """Of the model's table: a row is shown by the answer of the value that it has here; if empty, by the only one."""
    shows: tuple[str, ...] = ()
    """The columns that the answer depends on. Changes of others leave it alone; if none is named, none do."""
    has_pages: bool = False
    """Whether `page` and `page_size` may follow the address. Pages are kept one by one, and dropped together."""
    one_form: Callable[[str], str] = str
    """Gives the form in which a value stands in the model's column, whatever way it was written."""
    longest: int = 200
    """Characters of a value, beyond which its answer isn't kept."""

    def key(self, value: object) -> str:
        """The cache key of that value's answer, which all of its pages share."""
        return f"{self.name}:{value}"

    def keys_of_change(self, before: Image | None, after: Image | None) -> set[str]:
        """The keys of what showed a row before a change, or shows it after: a row that moves touches two."""
        if before is None or after is None:
            image = before if after is None else after
            return {self._key_of(image)} if image is not None else set()
        if self.shows and all(before[name] == after[name] for name in self.shows):
            return set()
        return {self._key_of(before), self._key_of(after)}

    def _key_of(self, image: Image) -> str:
        return self.key(image[self.column] if self.column else ONLY)

    def path(self, value: object) -> str:
        """What a replica is asked for."""
        route = self.routes[0]
        return "/" + PARAMETER.sub(lambda match: quote(str(value), safe=""), route)

    def value_of(self, text: str) -> str | None:
        """The value in its one form; None for one that no answer can have."""
        if self.is_number:
            return text if is_book_id(text) and int(text) > 0 else None
        value = self.one_form(text)
        return None if value in _MEANT_OTHERWISE else value

    @cached_property
    def is_number(self) -> bool:
        match = PARAMETER.search(self.routes[0])
        return match is not None and match[1] == "int"


BOOK = CachedResource(
    "book",
    ("api/v1/books/<int:book_id>/", "product/<int:book_id>", "info/<int:book_id>"),
    model="catalog_app.Book",
    column="id",
)
TOPIC = CachedResource(
    "topic",
    ("search/<path:topic>",),
    model="catalog_app.Book",
    column="topic",
    shows=("id", "title", "topic", "retired"),  # A sale leaves the lists of titles alone.
    has_pages=True,
    one_form=canonical_or_same,
    longest=TOPIC_LENGTH,
)
TOPICS = CachedResource(
    "topics",
    ("api/v1/topics/",),
    model="catalog_app.Book",
    column="",
    shows=("topic", "retired"),  # How many books there are, whatever becomes of them.
    has_pages=True,
)
