"""A process of other code than the files were migrated for: it writes nothing, reads nothing, evicts nothing."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from pytest_django import Settings

from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.invalidation import polls
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator.status import status
from bookstore_project.replication.tests.shelf.services import put_seven
from bookstore_project.replication.tests.support.articles import reprice
from bookstore_project.replication.tests.support.fake_fronts import POLL
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, dump, opened, python, rows
from bookstore_project.replication.transaction import settle

SHELF = get_service("shelf")
COMPLAINT = "other code than shelf-[12] was migrated for"

# What a process with another column in its models would compute, and all that it might do.
ATTEMPTS = """
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.sqlite_pair.files import schema_version
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.service import get_service
from bookstore_project.replication.transaction import run
from bookstore_project.replication.tests.shelf.models import Article

own = schema_version.of_code("shelf")
schema_version.of_code = lambda name: own + 2

def read():
    with reads.reading("shelf", alias="shelf-2"):
        return Article.objects.count()

write = lambda: run("shelf", lambda: Article.objects.get(pk=1).save())
for attempt in (write, read, Maintenance(get_service("shelf")).step):
    try:
        print("did it:", attempt())
    except Unavailable as error:
        print(error)
"""


def as_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    own = schema_version.of_code("shelf")
    monkeypatch.setattr(schema_version, "of_code", lambda service_name: own + 2)


@pytest.mark.processes
def test_another_process_of_other_code_does_nothing(seven_articles: Path) -> None:
    before, agreed = dump("shelf-1"), read_witness(SHELF.witness_file)
    with python(ATTEMPTS) as process:
        told = process.communicate()
    assert process.returncode == 0
    assert told.count("This process runs other code than shelf-") == 3
    assert "did it" not in told
    assert (dump("shelf-1"), read_witness(SHELF.witness_file)) == (before, agreed)
    reprice()
    assert_copies_equal("shelf")


def read() -> None:
    with reads.reading("shelf", alias="shelf-1"):
        pass


def poll() -> None:
    polls.answer("shelf", "shelf-1", POLL)


WAYS: dict[str, Callable[[], object]] = {
    "write": reprice,
    "settle": lambda: settle("shelf"),
    "read": read,
    "poll": poll,
    "scrub": lambda: Maintenance(SHELF).scrub(),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_it_tries_is_refused_and_nobody_evicted(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    agreed = read_witness(SHELF.witness_file)
    with monkeypatch.context() as patched:
        as_other_code(patched)
        for _ in range(2):
            with pytest.raises(Unavailable, match=COMPLAINT):
                WAYS[way]()
    assert read_witness(SHELF.witness_file) == agreed
    reprice()  # And it left no lock and no open transaction.
    assert_copies_equal("shelf")


def test_one_file_of_other_code_beside_one_of_this_is_at_fault_itself(seven_articles: Path) -> None:
    """Both were migrated together. The first file is open by the time that the second is seen to be another one's."""
    with opened("shelf-2") as connection:
        connection.execute("PRAGMA user_version = 7")
    reprice()
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1",)
    Maintenance(SHELF).step()
    reprice()
    assert_copies_equal("shelf")


def test_it_builds_no_copy_either(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would verify rows by the wrong columns."""
    replication_settings.files["shelf-2"].unlink()
    reprice()
    as_other_code(monkeypatch)
    with pytest.raises(Unavailable, match="other code than shelf-1"):
        Maintenance(SHELF).step()
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1",)
    assert not replication_settings.files["shelf-2"].exists()


def test_whoever_writes_is_told_what_to_do(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_other_code(monkeypatch)
    with pytest.raises((CommandError, Unavailable), match=r"Restart the process .* run `manage.py migrate`"):
        put_seven()


def test_the_status_says_so(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_other_code(monkeypatch)
    for file in status(SHELF).files:
        assert file.in_sync
        assert "other code" in file.fault
    told = StringIO()
    with pytest.raises(CommandError):
        call_command("replication", "status", "--service", "shelf", stdout=told)
    assert told.getvalue().count("in sync, but: This process runs other code than shelf-") == 2


def test_files_that_do_not_say_what_they_are_for_are_accepted_by_migrate(
    seven_articles: Path, settings: Settings
) -> None:
    settings.REPLICATION = settings.REPLICATION | {"LEASE_S": 0}
    for alias in SHELF.aliases:
        with opened(alias) as connection:
            connection.execute("PRAGMA user_version = 0")
    with pytest.raises(Unavailable, match=COMPLAINT):
        reprice()
    call_command("migrate", verbosity=0)
    reprice()
    assert_copies_equal("shelf")


def test_the_number_covers_columns_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    def number(*labels: str) -> int:
        return schema_version.of_models(apps, labels, "shelf-1")

    assert number("shelf") == number("shelf")
    assert len({number("shelf"), number("desk"), number("shelf", "desk")}) == 3
    before = number("shelf")
    monkeypatch.setattr(schema_version, "FORMAT", schema_version.FORMAT + 1)
    assert number("shelf") != before
    assert 0 < before < 2**31


def test_a_copy_carries_it(seven_articles: Path) -> None:
    replication_settings.files["shelf-2"].unlink()
    reprice()
    Maintenance(SHELF).step()
    assert rows("shelf-2", "PRAGMA user_version") == [(schema_version.of_code("shelf"),)]
