"""A standby is promoted while the old primary lives on, cut off: two servers, of which one answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from bookstore_project.replication import reads
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.postgresql import engine, leases
from bookstore_project.replication.postgresql.tests.support import SHELF, Fronts, impatient, raise_price, renew, write
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.transaction import run
from tests.clock import Clock
from tests.postgres import Server, discard_standby, synchronous


@pytest.fixture
def standby(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(leases, "time", Clock())
    with synchronous() as server:
        yield server
    discard_standby()


def price() -> int:
    with reads.reading("shelf"):
        return int(Article.objects.get(pk=1).price)


def go_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for alias in SHELF.aliases:
        monkeypatch.setitem(connections.databases[alias], "PORT", str(server.port))
        connections[alias].close()


def test_what_was_acknowledged_is_there_and_the_old_primary_answers_nobody(
    standby: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    fronts = Fronts()
    assert renew(fronts)
    acknowledged = write(fronts)

    standby.promote()
    with impatient():
        with pytest.raises(OutcomeUnknown):
            run("shelf", raise_price)
        with pytest.raises(Unavailable, match="couldn't show that it is one"):
            price()
        assert not renew(fronts)

    go_to(standby, monkeypatch)
    assert price() == 31, "the acknowledged one, and not the other"
    found = write(fronts)
    assert found.position == acknowledged.position + 1
    assert found.timeline != acknowledged.timeline
    assert engine.listeners(SHELF, fronts) == []
    assert renew(fronts)
    assert price() == 32
