"""A process of other code than the files were migrated for: it writes nothing, reads nothing, evicts nothing."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from pytest_django import Settings

from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.invalidation import polls
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator.status import status
from bookstore_project.replication.tests.support.books import reprice
from bookstore_project.replication.tests.support.fake_fronts import POLL
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump, opened, python, rows
from bookstore_project.replication.transaction import settle
from bookstore_project.settings import topology

CATALOG = get_service("catalog")
COMPLAINT = "other code than catalog-[12] was migrated for"

# What a process with another column in its models would compute, and all that it might do.
ATTEMPTS = """
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.service import get_service
from bookstore_project.replication.transaction import run
from catalog_app.models import Book

own = schema_version.of_code("catalog")
schema_version.of_code = lambda name: own + 2

def read():
    with reads.reading("catalog", alias="catalog-2"):
        return Book.objects.count()

write = lambda: run("catalog", lambda: Book.objects.get(pk=1).save())
for attempt in (write, read, Maintenance(get_service("catalog")).step):
    try:
        print("did it:", attempt())
    except Unavailable as error:
        print(error)
"""


def as_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    own = schema_version.of_code("catalog")
    monkeypatch.setattr(schema_version, "of_code", lambda service_name: own + 2)


@pytest.mark.processes
def test_another_process_of_other_code_does_nothing(seven_books: Path) -> None:
    before, agreed = dump("catalog-1"), read_witness(CATALOG.witness_file)
    with python(ATTEMPTS) as process:
        told = process.communicate()
    assert process.returncode == 0
    assert told.count("This process runs other code than catalog-") == 3
    assert "did it" not in told
    assert (dump("catalog-1"), read_witness(CATALOG.witness_file)) == (before, agreed)
    reprice()
    assert_copies_equal("catalog")


def read() -> None:
    with reads.reading("catalog", alias="catalog-1"):
        pass


def poll() -> None:
    polls.answer("catalog", "catalog-1", POLL)


WAYS: dict[str, Callable[[], object]] = {
    "write": reprice,
    "settle": lambda: settle("catalog"),
    "read": read,
    "poll": poll,
    "scrub": lambda: Maintenance(CATALOG).scrub(),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_it_tries_is_refused_and_nobody_evicted(
    seven_books: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    agreed = read_witness(CATALOG.witness_file)
    with monkeypatch.context() as patched:
        as_other_code(patched)
        for _ in range(2):
            with pytest.raises(Unavailable, match=COMPLAINT):
                WAYS[way]()
    assert read_witness(CATALOG.witness_file) == agreed
    reprice()  # And it left no lock and no open transaction.
    assert_copies_equal("catalog")


def test_one_file_of_other_code_beside_one_of_this_is_at_fault_itself(seven_books: Path) -> None:
    """Both were migrated together. The first file is open by the time that the second is seen to be another one's."""
    with opened("catalog-2") as connection:
        connection.execute("PRAGMA user_version = 7")
    reprice()
    assert read_witness(CATALOG.witness_file).in_sync == ("catalog-1",)
    Maintenance(CATALOG).step()
    reprice()
    assert_copies_equal("catalog")


def test_it_builds_no_copy_either(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would verify rows by the wrong columns."""
    topology.database_file("catalog-2").unlink()
    reprice()
    as_other_code(monkeypatch)
    with pytest.raises(Unavailable, match="other code than catalog-1"):
        Maintenance(CATALOG).step()
    assert read_witness(CATALOG.witness_file).in_sync == ("catalog-1",)
    assert not topology.database_file("catalog-2").exists()


def test_a_command_says_what_to_do(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_other_code(monkeypatch)
    with pytest.raises((CommandError, Unavailable), match=r"Restart the process .* run `manage.py migrate`"):
        call_command("seed_books")


def test_the_status_says_so(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_other_code(monkeypatch)
    for file in status(CATALOG).files:
        assert file.in_sync
        assert "other code" in file.fault
    told = StringIO()
    with pytest.raises(CommandError):
        call_command("replication", "status", "--service", "catalog", stdout=told)
    assert told.getvalue().count("in sync, but: This process runs other code than catalog-") == 2


def test_files_that_do_not_say_what_they_are_for_are_accepted_by_migrate(
    seven_books: Path, settings: Settings
) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    for alias in CATALOG.aliases:
        with opened(alias) as connection:
            connection.execute("PRAGMA user_version = 0")
    with pytest.raises(Unavailable, match=COMPLAINT):
        reprice()
    call_command("migrate", verbosity=0)
    reprice()
    assert_copies_equal("catalog")


def test_the_number_covers_columns_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    def number(*labels: str) -> int:
        return schema_version.of_models(apps, labels, "catalog-1")

    assert number("shelf") == number("shelf")
    assert len({number("shelf"), number("catalog_app"), number("shelf", "catalog_app")}) == 3
    before = number("shelf")
    monkeypatch.setattr(schema_version, "FORMAT", schema_version.FORMAT + 1)
    assert number("shelf") != before
    assert 0 < before < 2**31


def test_a_copy_carries_it(seven_books: Path) -> None:
    topology.database_file("catalog-2").unlink()
    reprice()
    Maintenance(CATALOG).step()
    assert rows("catalog-2", "PRAGMA user_version") == [(schema_version.of_code("catalog"),)]
