"""What tests ask of a service's database on the server, through connections that know nothing of replication."""

from itertools import pairwise

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.log.entries import EMPTY, Entry
from bookstore_project.replication.postgresql.schema import lacks_triggers
from bookstore_project.replication.service import get_service
from tests.postgres import server_of_tests

Rows = list[tuple[object, ...]]
SKIPPED = ("django_migrations", "replication_lease")


def rows(alias: str, sql: str) -> Rows:
    return list(server_of_tests().execute(sql, database=replication_settings.service_of_alias[alias]))


def dump(alias: str) -> dict[str, Rows]:
    """Every table with every row, but for what says nothing of them."""
    names = rows(alias, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    return {
        str(name): sorted(rows(alias, f'SELECT * FROM "{name}"'), key=repr)
        for (name,) in names
        if name not in SKIPPED
    }


def assert_copies_equal(service_name: str) -> None:
    """There is one copy here; its log is whole and chained, and each table has its trigger."""
    alias = get_service(service_name).aliases[0]
    held = [
        Entry(*row)  # type: ignore[arg-type]  # As the columns are.
        for row in rows(alias, "SELECT position, epoch, payload, keys, hash FROM replication_logentry ORDER BY 1")
    ]
    assert held[0].payload == held[0].keys == EMPTY, "the log has no base"
    for previous, entry in pairwise(held):
        assert entry.position == previous.position + 1, "the log has a gap"
        assert entry.chained_to(previous.hash) == entry.hash, f"the chain breaks at {entry.position}"
    assert rows(alias, "SELECT position, hash FROM replication_head") == [(held[-1].position, held[-1].hash)]
    assert rows(alias, "SELECT * FROM replication_pendingchange") == []
    with server_of_tests().connect(service_name) as connection:
        assert not lacks_triggers(connection, get_service(service_name))


def floor(service_name: str) -> int:
    (position,) = rows(get_service(service_name).aliases[0], "SELECT position FROM replication_head")[0]
    assert isinstance(position, int)
    return position
