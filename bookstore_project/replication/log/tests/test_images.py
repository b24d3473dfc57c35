"""Row images: what a trigger notes before a change is what a look at the row would have given."""

import json
import sqlite3
from contextlib import closing

import pytest
from django.db import models
from hypothesis import example, given
from hypothesis import strategies as st

from bookstore_project.replication.log import images
from bookstore_project.replication.service import Table

KINDS = ("integer", "real", "text", "blob", "numeric", "")
TABLE = Table("things", "id", ("id", *(f"of {kind}" for kind in KINDS), "select"), models.Model)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.binary(),
)


def images_of(values: list[object]) -> tuple[str, str]:
    """Of a row with these values, kept as the columns' types will: as it is read, and as a trigger notes it."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(TABLE.columns[1:], (*KINDS, "text"), strict=True))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE things (id INTEGER PRIMARY KEY, {columns})")
        connection.execute("CREATE TABLE noted (image)")
        connection.execute(
            "CREATE TRIGGER note AFTER DELETE ON things BEGIN "
            f"INSERT INTO noted VALUES ({images.old_image_expression(TABLE)}); END"
        )
        connection.execute(f"INSERT INTO things VALUES (7{', ?' * len(values)})", values)
        (read,) = connection.execute(f"SELECT {images.image_expression(TABLE)} FROM things").fetchone()
        connection.execute("DELETE FROM things")
        (noted,) = connection.execute("SELECT image FROM noted").fetchone()
    return read, noted


@given(st.lists(VALUES, min_size=len(KINDS) + 1, max_size=len(KINDS) + 1))
@example([5] * 7)
@example([0.1] * 7)
@example([2.0] * 7)
@example(["5"] * 7)
@example([b"\0\xff"] * 7)
def test_a_trigger_notes_what_a_look_at_the_row_gives(values: list[object]) -> None:
    read, noted = images_of(values)
    assert noted == read


@pytest.mark.parametrize(("value", "shown"), [(5, 5), ("5", "5"), (0.1, 0.1), (1e300, 1e300), (b"\1", {"hex": "01"})])
def test_a_value_keeps_its_type(value: object, shown: object) -> None:
    """In the column without a type, which converts nothing."""
    _, noted = images_of([value] * 7)
    told = json.loads(noted)["of "]
    assert (told, type(told)) == (shown, type(shown))
