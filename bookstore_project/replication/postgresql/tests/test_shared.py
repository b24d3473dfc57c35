"""Marks and counted logins that several hosts share."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from bookstore_project.api import problems
from bookstore_project.api.login_attempts import EVERYBODY, PAIR, Attempts
from bookstore_project.cluster import secrets_on_record
from bookstore_project.nodes import drains
from bookstore_project.nodes.drains import Drains
from bookstore_project.replication.postgresql import engine
from bookstore_project.replication.postgresql.shared import RowMarks, RowTable
from bookstore_project.settings import secret_files, topology
from tests import lookouts
from tests.postgres import server_of_tests
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("empty_store")
HOME = "192.0.2.1"


@pytest.fixture
def hosts() -> Iterator[tuple[RowMarks, RowMarks]]:
    """As two of them see the same marks."""
    yield RowMarks(Path("drained")), RowMarks(Path("drained"))
    connections.close_all()


def test_a_mark_of_one_host_is_seen_by_the_other(hosts: tuple[RowMarks, RowMarks]) -> None:
    one, other = hosts
    assert other.texts() == {}
    one.put("catalog-1", "drained by ann")
    assert one.texts() == {"catalog-1": "drained by ann"}, "at once"
    assert other.has("catalog-1")
    wait_for(lambda: other.texts() == {"catalog-1": "drained by ann"}, what="the other host has seen it")
    other.remove("catalog-1")
    assert not one.has("catalog-1")
    wait_for(lambda: one.texts() == {}, what="it is gone")


def test_nobody_looks_for_marks_after_a_test() -> None:
    """Its databases are dropped: who looks would tell of that during other tests."""
    before = set(threading.enumerate())
    with lookouts.ended():
        marks = RowMarks(Path("drained"))
        marks.put("catalog-1", "drained by ann")
        wait_for(marks.texts, what="somebody looks")
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["marks drained"]
    assert set(threading.enumerate()) <= before


def test_without_the_server_marks_are_what_they_were_last(hosts: tuple[RowMarks, RowMarks]) -> None:
    marks, _ = hosts
    marks.put("order-2", "drained by ann")
    connections.close_all()
    server_of_tests().execute("ALTER DATABASE accounts ALLOW_CONNECTIONS false")
    server_of_tests().end_sessions("accounts")
    with pytest.raises(OSError, match="accounts"):
        marks.put("order-1", "drained by ann")
    assert marks.texts() == {"order-2": "drained by ann"}
    with pytest.raises(problems.Unavailable):
        drains.undrain(topology.NODES["order-2"])


def test_replicas_are_drained_for_all_hosts() -> None:
    node = topology.NODES["catalog-1"]
    drains.drain(node, by="ann", is_answering=lambda node: True)
    assert drains.is_marked(node)
    known = Drains()
    wait_for(lambda: known.is_drained(node), what="it is seen")
    assert known.reason(node).startswith("drained by ann at ")
    assert not topology.DRAINED_DIR.exists()
    drains.undrain(node)
    assert not drains.is_marked(node)


def test_failed_logins_are_counted_by_the_server(tmp_path: Path) -> None:
    one, other = (Attempts(RowTable(tmp_path / name, lambda: "a secret")) for name in ("one", "other"))
    for host in (one, other, one, other, one):
        host.begin("ada", HOME)
    with pytest.raises(problems.Throttled) as refused:
        other.begin("ada", HOME)
    assert 0 < refused.value.wait_s <= PAIR.every_s
    one.succeeded("eve", HOME, one.begin("eve", HOME))
    assert other.begin("eve", HOME), "the address is known"
    assert server_of_tests().execute("SELECT count(*) FROM store_attempt", database="accounts")[0][0] < EVERYBODY.most
    assert list(tmp_path.iterdir()) == []


def test_a_host_with_another_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets_on_record.agree()
    secrets_on_record.agree()
    assert secrets_on_record.problems() == []
    engine.on_record("secret-key", "another host's", is_new=True)
    with pytest.raises(secret_files.Unusable, match="another secret than this store has on its server"):
        secrets_on_record.agree()
    assert len(secrets_on_record.problems()) == 1
    secrets_on_record.accept(secret_files.SECRET_KEY)
    assert secrets_on_record.problems() == []
