"""Each test has databases as they were kept; those that the one before it has left so aren't made anew."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connections

from bookstore_project.replication.tests.support.articles import reprice
from tests.layout import layout
from tests.postgres import server_of_tests
from tests.waiting import wait_for

NAMES = ("desk", "shelf")


def made_anew(template: Path, change: Callable[[], object] = lambda: None) -> list[str]:
    """Which of two databases are others than before, once `change` was followed by the next laying out."""
    layout.put_in_place(template)
    before = oids()
    change()
    connections.close_all()
    wait_for(lambda: not sessions(), what="nobody uses them")
    layout.put_in_place(template)
    return [name for name in NAMES if oids()[name] != before[name]]


def oids() -> dict[str, int]:
    return dict(server_of_tests().execute("SELECT datname, oid::int FROM pg_database"))


def sessions() -> set[str]:
    return {name for (name,) in server_of_tests().execute("SELECT datname FROM pg_stat_activity")}.intersection(NAMES)


@pytest.mark.usefixtures("seven_articles")
def test_databases_that_have_changed_are_made_anew(shelved_files: Path, migrated_files: Path) -> None:
    assert made_anew(shelved_files) == []
    assert made_anew(shelved_files, reprice) == ["shelf"]
    assert made_anew(shelved_files, lambda: layout.put_in_place(migrated_files)) == [*NAMES], "of another template"


@pytest.mark.usefixtures("seven_articles")
def test_after_a_crash_nobody_knows_what_has_changed(shelved_files: Path) -> None:
    def crash() -> None:
        reprice()
        connections.close_all()
        server_of_tests().stop()
        server_of_tests().start()

    assert made_anew(shelved_files, crash) == [*NAMES]


@pytest.mark.usefixtures("seven_articles")
def test_who_has_left_a_session_open_has_changed_nothing(shelved_files: Path) -> None:
    layout.put_in_place(shelved_files)
    before = oids()
    with closing(server_of_tests().connect("shelf")):
        layout.put_in_place(shelved_files)
    assert {name: oids()[name] for name in NAMES} == {name: before[name] for name in NAMES}
