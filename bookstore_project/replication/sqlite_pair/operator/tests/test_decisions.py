"""What only an operator decides: said first, asked, done, and begun again after a kill."""

import sqlite3
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project import sqlite_files
from bookstore_project.replication import reads
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.files.tests.test_comparison import (
    append_another_entry,
    leave_behind,
    restock,
)
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.operator import execution, planning, quarantine
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    floor,
    head,
    opened,
    rows,
)
from bookstore_project.settings import topology
from catalog_app.services import book_create
from tests.configured import replication

CATALOG = get_service("catalog")
SECOND = topology.database_file("catalog-2")
POINTS = ["decision-refusing", "decision-skipped", "decision-put-aside", "decision-written"]


@pytest.fixture(autouse=True)
def short_leases() -> Iterator[None]:
    with replication(LEASE_S=0.01):
        yield


def decide(*words: str, yes: bool = True) -> str:
    output = StringIO()
    call_command("replication", *words, *(["--yes"] if yes else []), stdout=output, stderr=StringIO())
    return output.getvalue()


def witness() -> Witness:
    return read_witness(CATALOG.witness_file)


def lose(alias: str) -> None:
    path = topology.database_file(alias)
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()


def stock(alias: str) -> object:
    return rows(alias, "SELECT quantity FROM catalog_app_book WHERE id = 1")[0][0]


def lose_the_last_in_sync() -> None:
    """catalog-1 is out, two entries behind, and the file of catalog-2 is deleted."""
    leave_behind("catalog-1", times=2)
    lose("catalog-2")
    with pytest.raises(Unavailable):
        restock()


def rebuild() -> None:
    """As the running store does; then it sells, and both copies are the same."""
    Maintenance(CATALOG).step()
    assert witness().in_sync == ("catalog-1", "catalog-2")
    restock()
    assert_copies_equal("catalog")


# --------------------------------------------------------------------------------------------------- promote


def test_promote_says_what_is_lost_and_lets_the_store_go_on(seven_books: Path) -> None:
    lose_the_last_in_sync()
    before = witness()
    text = decide("promote", "catalog-1")
    assert "LOST would be:\n  Positions 2 to 3, which are settled: 2 entries." in text
    assert "Done: catalog-1 in sync, at position 1" in text
    after = witness()
    assert after.timeline != before.timeline
    assert after.epoch > before.epoch
    assert stock("catalog-1") == 50
    with reads.reading("catalog", alias="catalog-1") as snapshot:
        assert snapshot.timeline == after.timeline
    rebuild()


def test_promote_names_the_rows_that_the_other_file_still_holds(seven_books: Path) -> None:
    leave_behind("catalog-1", times=2)
    change_around("catalog-2", "UPDATE catalog_app_book SET price = 1 WHERE id = 7")
    text = decide("promote", "catalog-1")
    assert "catalog-2  at 3, DAMAGED: row 7 of catalog_app_book" in text
    assert (
        "catalog-2 holds, beyond what catalog-1 has:\n    position 2: book 1\n    position 2: ledger entry 8" in text
    )
    rebuild()


def test_the_file_that_does_not_count_is_kept_aside_with_all_it_held(seven_books: Path) -> None:
    leave_behind("catalog-1", times=2)
    change_around("catalog-2", "UPDATE catalog_app_book SET price = 1 WHERE id = 7")
    decide("promote", "catalog-1")
    (file,) = quarantine.quarantined("catalog-2")
    with sqlite_files.opened(file.path) as aside:
        assert aside.execute("SELECT max(position) FROM replication_logentry").fetchone() == (3,)
    assert not SECOND.exists()


def test_ids_of_a_lost_history_are_not_given_out_again(seven_books: Path) -> None:
    leave_behind("catalog-1")
    book_create(fields={"title": "Lost", "topic": "t", "price": "1.00", "quantity": 1}, actor="test")
    lost = rows("catalog-2", "SELECT max(id) FROM catalog_app_book")[0][0]
    lose("catalog-2")
    decide("promote", "catalog-1")
    book_create(fields={"title": "New", "topic": "t", "price": "1.00", "quantity": 1}, actor="test")
    (new,) = rows("catalog-1", "SELECT id FROM catalog_app_book WHERE title = 'New'")[0]
    assert isinstance(new, int)
    assert isinstance(lost, int)
    assert new > lost
    rebuild()
    sequence = "SELECT seq FROM sqlite_sequence WHERE name = 'catalog_app_ledgerentry'"
    for alias in ("catalog-1", "catalog-2"):  # The other one was built from it.
        ((newest,),) = rows(alias, sequence)
        assert isinstance(newest, int)
        assert newest >= 1_000


def test_promote_works_without_a_witness_and_says_that_nobody_can_know(seven_books: Path) -> None:
    restock()
    lose("catalog-2")
    CATALOG.witness_file.unlink()
    text = decide("promote", "catalog-1")
    assert "what was settled beyond position 2, if anything, can't be known" in text
    rebuild()


@pytest.mark.parametrize(
    ("epoch", "refusal"),
    [(1, "an operator has to say which counts"), (9, "The witness is stale")],
    ids=["under a sound witness", "under a stale one"],
)
def test_promote_settles_a_quarrel_of_two_whole_logs(seven_books: Path, epoch: int, refusal: str) -> None:
    for alias in CATALOG.aliases:
        append_entry(alias, epoch, alias)
    with pytest.raises(Unavailable, match=refusal):
        restock()
    text = decide("promote", "catalog-2")
    assert "catalog-1 holds, beyond what catalog-2 has" not in text  # Its entry touches no rows.
    rebuild()


def append_entry(alias: str, epoch: int, key: str) -> None:
    with opened(alias) as connection:
        entries.append(connection, entries.make_entry(entries.read_head(connection), epoch, [], [key]))


@pytest.mark.parametrize("alias", ["catalog-1", "catalog-2"])
def test_promote_refuses_what_is_in_sync(seven_books: Path, alias: str) -> None:
    with pytest.raises(CommandError, match=f"{alias} is in sync and can serve"):
        decide("promote", alias)


def test_promote_refuses_while_the_other_is_in_sync_and_sound(seven_books: Path) -> None:
    leave_behind("catalog-1")
    with pytest.raises(CommandError, match="catalog-2 is in sync and sound: `replication repair` brings catalog-1"):
        decide("promote", "catalog-1")


def test_promote_refuses_a_damaged_file_and_names_its_rows(seven_books: Path) -> None:
    lose_the_last_in_sync()
    change_around("catalog-1", "UPDATE catalog_app_book SET price = 1 WHERE id IN (3, 4)")
    with pytest.raises(CommandError, match=r"(?s)row 3 of catalog_app_book.*row 4 of .*manage.py restore"):
        decide("promote", "catalog-1")
    with pytest.raises(CommandError, match="No such file"):
        decide("promote", "catalog-2")


# ----------------------------------------------------------------------------------------------------- adopt


def test_adopt_takes_two_equal_files(seven_books: Path) -> None:
    restock()
    CATALOG.witness_file.unlink()
    text = decide("adopt", "--service", "catalog")
    assert "Done: catalog-1, catalog-2 in sync, at position 2" in text
    restock()
    assert_copies_equal("catalog")


def test_adopt_takes_the_longer_of_two_logs(seven_books: Path) -> None:
    leave_behind("catalog-1", times=2)
    CATALOG.witness_file.write_bytes(b"garbage")
    assert "catalog-2 in sync, at position 3" in decide("adopt", "--service", "catalog")
    rebuild()


def test_adopt_takes_files_that_the_witness_does_not_know(seven_books: Path) -> None:
    """Both put back from an older copy of the folder, by hand."""
    for alias in CATALOG.aliases:
        with opened(alias) as source, sqlite3.connect(seven_books / alias / "old") as old:
            source.backup(old)
        old.close()
    restock()
    for alias in CATALOG.aliases:
        lose(alias)
        (seven_books / alias / "old").rename(topology.database_file(alias))
    with pytest.raises(Unavailable):
        restock()
    assert "Positions 2 to 2, which are settled: 1 entry." in decide("adopt", "--service", "catalog")
    restock()
    assert_copies_equal("catalog")


def test_adopt_refuses_what_is_well(seven_books: Path) -> None:
    with pytest.raises(CommandError, match="there is nothing to adopt"):
        decide("adopt", "--service", "catalog")


def test_adopt_refuses_a_damaged_file_and_says_what_helps(seven_books: Path) -> None:
    CATALOG.witness_file.unlink()
    change_around("catalog-2", "UPDATE catalog_app_book SET price = 1 WHERE id = 3")
    with pytest.raises(CommandError, match=r"catalog-2 is not sound.*`replication promote catalog-1`"):
        decide("adopt", "--service", "catalog")


def test_adopt_refuses_histories_that_departed(seven_books: Path) -> None:
    append_another_entry("catalog-1")
    append_entry("catalog-2", 9, "catalog-2")
    CATALOG.witness_file.unlink()
    with pytest.raises(CommandError, match="departed at position 2: `replication promote ALIAS`"):
        decide("adopt", "--service", "catalog")


# --------------------------------------------------------------------------------------------------- discard


@pytest.mark.parametrize("alias", CATALOG.aliases)
def test_discard_rebuilds_a_copy_from_the_other_and_loses_nothing(seven_books: Path, alias: str) -> None:
    restock()
    text = decide("discard", alias)
    assert "Nothing that is known to be settled would be lost" in text
    assert "was interrupted" not in witness().out[alias].reason
    assert head(next(name for name in CATALOG.aliases if name != alias)) == floor("catalog") == 2
    rebuild()


def test_discard_refuses_the_only_copy_in_sync(seven_books: Path) -> None:
    leave_behind("catalog-1")
    with pytest.raises(CommandError, match="catalog-2 may be the only copy that has everything"):
        decide("discard", "catalog-2")


def test_discard_refuses_while_the_other_is_damaged(seven_books: Path) -> None:
    change_around("catalog-1", "UPDATE catalog_app_book SET price = 1 WHERE id = 3")
    with pytest.raises(CommandError, match="catalog-1 can't be kept alone, it is damaged: row 3"):
        decide("discard", "catalog-2")


def test_discard_needs_a_witness(seven_books: Path) -> None:
    CATALOG.witness_file.unlink()
    with pytest.raises(CommandError, match="First `replication adopt`"):
        decide("discard", "catalog-2")


# ---------------------------------------------------------------------------------- asking, timelines, kills


def test_without_a_terminal_nothing_is_done(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    before = witness()
    with pytest.raises(CommandError, match="say --yes"):
        decide("discard", "catalog-2", yes=False)
    assert witness() == before


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "is_done"), [("y\n", True), ("yes\n", True), ("\n", False), ("no\n", False)])
def test_the_operator_is_asked(
    seven_books: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_done: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    if is_done:
        assert "Go on? [y/N]" in decide("discard", "catalog-2", yes=False)
        assert witness().in_sync == ("catalog-1",)
    else:
        with pytest.raises(CommandError, match="Nothing was done"):
            decide("discard", "catalog-2", yes=False)
        assert witness().in_sync == ("catalog-1", "catalog-2")


def test_a_store_that_has_changed_since_is_looked_at_again(seven_books: Path) -> None:
    lose_the_last_in_sync()
    state = planning.inspect(CATALOG)
    decision = planning.promote(state, "catalog-1")
    append_another_entry("catalog-1")
    before = witness()
    with pytest.raises(planning.Refused, match="changed meanwhile"):
        execution.carry_out(decision, lambda now: planning.promote(now, "catalog-1"))
    assert witness() == before


def test_replicas_refuse_with_the_reason_before_the_leases_are_waited_out(
    seven_books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def look() -> None:
        for alias in CATALOG.aliases:
            with pytest.raises(Unavailable) as caught, reads.reading("catalog", alias=alias):
                pass
            said.append(caught.value.detail)

    monkeypatch.setattr(execution, "wait_out_leases", look)
    decide("discard", "catalog-2")
    assert said == [
        f"{alias} is out of sync: `replication discard catalog-2` was interrupted: repeat it"
        for alias in CATALOG.aliases
    ]


COMMANDS = {
    "promote": ("promote", "catalog-1"),
    "adopt": ("adopt", "--service", "catalog"),
    "discard": ("discard", "catalog-2"),
}
KILLED = """
import io
from django.core.management import call_command
from tests.configured import replication
replication(LEASE_S=0.01).enable()
call_command("replication", {words}, "--yes", stdout=io.StringIO())
"""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("action", COMMANDS)
@pytest.mark.processes
def test_a_decision_cut_short_refuses_until_it_is_repeated(
    seven_books: Path, killed_at: KilledAt, action: str, point: str
) -> None:
    restock()
    if action == "promote":
        lose_the_last_in_sync()
    elif action == "adopt":
        CATALOG.witness_file.unlink()
    words = COMMANDS[action]
    killed_at(point, KILLED.format(words=", ".join(map(repr, words))))
    if point != "decision-written":
        with pytest.raises(Unavailable, match=f"`replication {action}.*` was interrupted: repeat it"):
            restock()
        with pytest.raises(CommandError, match="Not in sync"):
            decide("status", yes=False)
        decide(*words)
    rebuild()


def spoil_rows(alias: str, table: str) -> None:
    """The table can't be read any more, the log can."""
    with opened(alias) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    with topology.database_file(alias).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)


@pytest.mark.parametrize("table", ["catalog_app_book", "replication_rowdigest", "replication_incarnation"])
def test_a_copy_is_promoted_though_only_a_whole_reading_shows_what_is_wrong_with_the_other(
    seven_books: Path, table: str
) -> None:
    """Under the lock the log is looked at again, and may seem to be well."""
    leave_behind("catalog-2")
    connections.close_all()
    spoil_rows("catalog-1", table)
    assert "Done:" in decide("promote", "catalog-2")
    Maintenance(CATALOG).step()
    assert_copies_equal("catalog")
