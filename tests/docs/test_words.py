"""The documentation has the field's words, one for one thing (docs/glossary.md)."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, pages, prose, rows, title

FIELDS_WORD = {
    "knock": "probe",
    "lane": "bulkhead",
    "sidecar": "WAL files",
    "caretaker": "maintenance",
    "master": "replica",
    "slave": "replica",
}
"""By words that were or might be used for the same thing."""
OF_HISTORY = "CHANGELOG.md"


@pytest.mark.parametrize("page", [page for page in pages() if page.name != OF_HISTORY], ids=title)
def test_a_page_has_the_fields_words(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", prose(page.read_text()))
    found = {
        word: better
        for word, better in FIELDS_WORD.items()
        if re.search(rf"\b{word}(s|ed|ing)?\b", text, re.IGNORECASE)
    }
    assert found == {}


def test_the_glossary_says_each_word_once() -> None:
    terms = [cell for cell in rows((DOCS / "glossary.md").read_text()) if cell not in ("word", "---", "")]
    assert len(terms) == len(set(terms)) > 50
