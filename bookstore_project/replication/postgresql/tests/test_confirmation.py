"""What no standby has confirmed is neither acknowledged nor shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bookstore_project.replication import reads
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.postgresql import engine
from bookstore_project.replication.postgresql.tests.database_rows import floor
from bookstore_project.replication.postgresql.tests.support import SHELF, Fronts, impatient, raise_price, renew
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.transaction import run, settle
from tests.postgres import Server, server_of_tests, synchronous


@pytest.fixture
def standby(seven_articles: Path) -> Iterator[Server]:
    """Each commit waits for it."""
    with synchronous() as server:
        yield server


@contextmanager
def silent(standby: Server) -> Iterator[None]:
    """It confirms nothing meanwhile, and nobody waits long for that."""
    with standby.paused_receiver(), impatient():
        yield


def price() -> int:
    with reads.reading("shelf"):
        return int(Article.objects.get(pk=1).price)


def test_a_write_and_a_read_are_confirmed_by_the_standby(standby: Server) -> None:
    run("shelf", raise_price)
    assert price() == 31
    assert standby_shows(standby) == 31


def standby_shows(standby: Server) -> int:
    ((found,),) = standby.execute("SELECT price::int FROM shelf_article WHERE id = 1", database="shelf")
    return int(found)


def test_a_commit_that_nobody_confirms_is_of_unknown_outcome_and_not_shown(standby: Server) -> None:
    before = floor("shelf")
    with silent(standby):
        with pytest.raises(OutcomeUnknown, match="canceling wait for synchronous replication"):
            run("shelf", raise_price)
        assert floor("shelf") == before + 1, "the primary has it, for all to see"
        with pytest.raises(Unavailable, match="couldn't show that it is one"):
            price()


def test_what_became_of_it_is_known_when_the_standby_is_back(standby: Server) -> None:
    with silent(standby), pytest.raises(OutcomeUnknown):
        run("shelf", raise_price)
    assert settle("shelf") == floor("shelf")
    assert price() == 31


def test_that_there_is_no_such_article_has_to_be_confirmed_too(standby: Server) -> None:
    with silent(standby), pytest.raises(Unavailable), reads.reading("shelf"):
        Article.objects.get(pk=99)


def test_a_change_that_changes_nothing_rests_on_what_is_confirmed(standby: Server) -> None:
    with silent(standby), pytest.raises(Unavailable, match="isn't confirmed"):
        run("shelf", lambda: Article.objects.get(pk=1).price)


def refuse() -> None:
    raise LookupError


def test_a_refusal_rests_on_what_is_confirmed(standby: Server) -> None:
    with silent(standby), pytest.raises(Unavailable, match="isn't confirmed"):
        run("shelf", refuse)
    with pytest.raises(LookupError):
        run("shelf", refuse)


def test_whether_a_replica_is_ready_is_told_without_a_standby(standby: Server) -> None:
    with silent(standby):
        reads.assert_readable("shelf")


def test_a_lease_that_nobody_confirms_is_not_given(standby: Server) -> None:
    fronts = Fronts()
    assert renew(fronts)
    with silent(standby):
        assert not renew(fronts)
    assert renew(fronts)
    assert [lease.front for lease in engine.listeners(SHELF, fronts)] == ["front"]


ASKS: dict[str, Callable[[], object]] = {
    "a read": price,
    "a write": lambda: run("shelf", raise_price),
    "a poll": lambda: engine.missed(SHELF, "shelf-1", 0),
    "a lease": lambda: renew(Fronts()),
    "the standing": lambda: engine.standing(SHELF),
}


@pytest.mark.parametrize("ask", ASKS)
def test_nobody_is_refused_because_a_connection_was_lost_while_it_was_idle(seven_articles: Path, ask: str) -> None:
    assert ASKS[ask]()
    server_of_tests().end_sessions("shelf")
    assert ASKS[ask]()
