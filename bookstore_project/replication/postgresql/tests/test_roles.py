"""A role has one holder in the whole store."""

from pathlib import Path

from bookstore_project.replication.postgresql import engine
from bookstore_project.replication.postgresql.tests.support import SHELF
from tests.on_postgresql import OWNER
from tests.postgres import server_of_tests

END_SESSIONS = f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = '{OWNER}'"


def test_one_has_a_role_until_it_is_gone(seven_articles: Path) -> None:
    first, second, other = engine.role(SHELF, "sweep"), engine.role(SHELF, "sweep"), engine.role(SHELF, "restock")
    try:
        assert (first.is_mine(), second.is_mine(), first.is_mine(), other.is_mine()) == (True, False, True, True)
        server_of_tests().execute(END_SESSIONS)
        assert second.is_mine()
        assert not first.is_mine()
    finally:
        for role in (first, second, other):
            role.give_up()


def test_a_role_that_is_tried_is_free_afterwards(seven_articles: Path) -> None:
    with engine.try_role(SHELF, "sweep") as is_mine, engine.try_role(SHELF, "sweep") as is_another:
        assert (is_mine, is_another) == (True, False)
    with engine.try_role(SHELF, "sweep") as is_mine:
        assert is_mine
