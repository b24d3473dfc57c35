"""The cluster page's special words mean what the glossary says."""

import re

from bookstore_project.settings import topology
from frontend_app.picture.words import WORDS


def test_each_meaning_stands_in_the_glossary() -> None:
    text = (topology.ROOT / "docs" / "glossary.md").read_text()
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)|\*\*|`", lambda found: found[1] or "", text)
    rows = [row for row in plain.splitlines() if row.startswith("| ")]
    for word, meaning in WORDS.items():
        assert any(word in row and meaning in row for row in rows), (word, meaning)
