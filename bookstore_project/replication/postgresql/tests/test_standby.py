"""A standby is read beside the primary, as of one position, or it is told why it isn't."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import standby as module
from bookstore_project.replication.postgresql.tests.support import raise_price
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.transaction import run
from tests.actors import Actor
from tests.postgres import Server, server_of_tests, standby_of_tests
from tests.waiting import wait_for


@pytest.fixture
def standby(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """It follows; the aliases know both servers."""
    server = standby_of_tests()
    for alias in ("shelf-1", "shelf-2"):
        place = connections.databases[alias]
        monkeypatch.setitem(place, "HOST", f"{server.folder},{server.folder}")
        monkeypatch.setitem(place, "PORT", f"{server_of_tests().port},{server.port}")
        connections[alias].close()
    monkeypatch.setattr(module, "PATIENCE_S", 60)
    ((end,),) = server_of_tests().execute("SELECT pg_current_wal_lsn()::text")
    has_all = f"SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{end}'"
    wait_for(lambda: server.execute(has_all), what="the standby has this test's databases")
    yield server
    connections.close_all()


def on_which_server() -> str:
    with connections["shelf-2"].cursor() as cursor:
        cursor.execute("SHOW port")
        return str(cursor.fetchone()[0])


def newest(server: Server) -> object:
    return server.execute("SELECT position FROM replication_head", database="shelf")


def test_a_standby_is_read_at_the_same_position(standby: Server) -> None:
    run("shelf", raise_price)
    with reads.reading("shelf", alias="shelf-1"), reads.reading_beside("shelf", "shelf-2") as beside:
        assert on_which_server() == str(standby.port)
        assert Article.objects.get(pk=1).price == 31
        assert beside.touched == frozenset()
    with reads.reading("shelf", alias="shelf-2"):
        assert on_which_server() == str(server_of_tests().port)


def test_what_was_written_between_the_two_reads_is_told(standby: Server) -> None:
    with reads.reading("shelf", alias="shelf-1"):
        Actor(lambda: run("shelf", raise_price)).result()
        position = newest(server_of_tests())
        wait_for(lambda: newest(standby) == position, what="the standby has it")
        with reads.reading_beside("shelf", "shelf-2") as beside:
            assert Article.objects.get(pk=1).price == 31
            assert "article:1" in beside.touched
        assert Article.objects.get(pk=1).price == 30


def test_one_that_is_behind_is_not_compared(standby: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with reads.reading("shelf", alias="shelf-1"), reads.reading_beside("shelf", "shelf-2"):
        pass
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    with standby.paused_receiver():
        run("shelf", raise_price)
        with reads.reading("shelf", alias="shelf-1"):
            with pytest.raises(Unavailable, match="The standby is behind"), reads.reading_beside("shelf", "shelf-2"):
                pass
            assert Article.objects.get(pk=1).price == 31


def test_one_that_is_cut_off_is_told(seven_articles: Path) -> None:
    with reads.reading("shelf", alias="shelf-1"):
        with pytest.raises(Unavailable, match="may be cut off"), reads.reading_beside("shelf", "shelf-2"):
            pass
        assert Article.objects.get(pk=1).price == 30
