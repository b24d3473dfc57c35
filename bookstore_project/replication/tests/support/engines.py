"""Which tests hold for every engine, and which parameters of theirs are about two SQLite files."""

from collections.abc import Iterable
from typing import Any

import pytest


def but_for_files(names: Iterable[str], *of_files: str) -> list[Any]:
    """All names; some of them for SQLite alone: its SQL, or values that PostgreSQL doesn't keep (NUL in a text)."""
    return [pytest.param(name, marks=pytest.mark.two_files) if name in of_files else name for name in names]
