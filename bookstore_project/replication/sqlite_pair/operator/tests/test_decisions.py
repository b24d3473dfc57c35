"""What only an operator decides: said first, asked, done, and begun again after a kill."""

import sqlite3
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connections

from bookstore_project import sqlite_files
from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.operator import execution, planning, quarantine
from bookstore_project.replication.tests.shelf.services import put, restock
from bookstore_project.replication.tests.support.articles import stock, witness
from bookstore_project.replication.tests.support.departures import append_another_entry, decide, leave_behind
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
from bookstore_project.replication.tests.support.strangers import lose
from tests.configured import replication

SHELF = get_service("shelf")
SECOND = replication_settings.files["shelf-2"]
POINTS = ["decision-refusing", "decision-skipped", "decision-put-aside", "decision-written"]


@pytest.fixture(autouse=True)
def short_leases() -> Iterator[None]:
    with replication(LEASE_S=0.01):
        yield


def lose_the_last_in_sync() -> None:
    """shelf-1 is out, two entries behind, and the file of shelf-2 is deleted."""
    leave_behind("shelf-1", times=2)
    lose("shelf-2")
    with pytest.raises(Unavailable):
        restock()


def rebuild() -> None:
    """As the running store does; then it sells, and both copies are the same."""
    Maintenance(SHELF).step()
    assert witness().in_sync == ("shelf-1", "shelf-2")
    restock()
    assert_copies_equal("shelf")


# --------------------------------------------------------------------------------------------------- promote


def test_promote_says_what_is_lost_and_lets_the_store_go_on(seven_articles: Path) -> None:
    lose_the_last_in_sync()
    before = witness()
    text = decide("promote", "shelf-1")
    assert "LOST would be:\n  Positions 2 to 3, which are settled: 2 entries." in text
    assert "Done: shelf-1 in sync, at position 1" in text
    after = witness()
    assert after.timeline != before.timeline
    assert after.epoch > before.epoch
    assert stock("shelf-1") == 50
    with reads.reading("shelf", alias="shelf-1") as snapshot:
        assert snapshot.timeline == after.timeline
    rebuild()


def test_promote_names_the_rows_that_the_other_file_still_holds(seven_articles: Path) -> None:
    leave_behind("shelf-1", times=2)
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 7")
    text = decide("promote", "shelf-1")
    assert "shelf-2    at 3, DAMAGED: row 7 of shelf_article" in text
    assert "shelf-2 holds, beyond what shelf-1 has:\n    position 2: article 1\n    position 2: movement 8" in text
    rebuild()


def test_the_file_that_does_not_count_is_kept_aside_with_all_it_held(seven_articles: Path) -> None:
    leave_behind("shelf-1", times=2)
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 7")
    decide("promote", "shelf-1")
    (file,) = quarantine.quarantined("shelf-2")
    with sqlite_files.opened(file.path) as aside:
        assert aside.execute("SELECT max(position) FROM replication_logentry").fetchone() == (3,)
    assert not SECOND.exists()


def test_ids_of_a_lost_history_are_not_given_out_again(seven_articles: Path) -> None:
    leave_behind("shelf-1")
    put("Lost")
    lost = rows("shelf-2", "SELECT max(id) FROM shelf_article")[0][0]
    lose("shelf-2")
    decide("promote", "shelf-1")
    put("New")
    (new,) = rows("shelf-1", "SELECT id FROM shelf_article WHERE title = 'New'")[0]
    assert isinstance(new, int)
    assert isinstance(lost, int)
    assert new > lost
    rebuild()
    sequence = "SELECT seq FROM sqlite_sequence WHERE name = 'shelf_movement'"
    for alias in ("shelf-1", "shelf-2"):  # The other one was built from it.
        ((newest,),) = rows(alias, sequence)
        assert isinstance(newest, int)
        assert newest >= 1_000


def test_promote_works_without_a_witness_and_says_that_nobody_can_know(seven_articles: Path) -> None:
    restock()
    lose("shelf-2")
    SHELF.witness_file.unlink()
    text = decide("promote", "shelf-1")
    assert "what was settled beyond position 2, if anything, can't be known" in text
    rebuild()


@pytest.mark.parametrize(
    ("epoch", "refusal"),
    [(1, "an operator has to say which counts"), (9, "The witness is stale")],
    ids=["under a sound witness", "under a stale one"],
)
def test_promote_settles_a_quarrel_of_two_whole_logs(seven_articles: Path, epoch: int, refusal: str) -> None:
    for alias in SHELF.aliases:
        append_entry(alias, epoch, alias)
    with pytest.raises(Unavailable, match=refusal):
        restock()
    text = decide("promote", "shelf-2")
    assert "shelf-1 holds, beyond what shelf-2 has" not in text  # Its entry touches no rows.
    rebuild()


def append_entry(alias: str, epoch: int, key: str) -> None:
    with opened(alias) as connection:
        entries.append(connection, entries.make_entry(entries.read_head(connection), epoch, [], [key]))


@pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
def test_promote_refuses_what_is_in_sync(seven_articles: Path, alias: str) -> None:
    with pytest.raises(CommandError, match=f"{alias} is in sync and can serve"):
        decide("promote", alias)


def test_promote_refuses_while_the_other_is_in_sync_and_sound(seven_articles: Path) -> None:
    leave_behind("shelf-1")
    with pytest.raises(CommandError, match="shelf-2 is in sync and sound: `replication repair` brings shelf-1"):
        decide("promote", "shelf-1")


def test_promote_refuses_a_damaged_file_and_names_its_rows(seven_articles: Path) -> None:
    lose_the_last_in_sync()
    change_around("shelf-1", "UPDATE shelf_article SET price = 1 WHERE id IN (3, 4)")
    with pytest.raises(CommandError, match=r"(?s)row 3 of shelf_article.*row 4 of .*manage.py restore"):
        decide("promote", "shelf-1")
    with pytest.raises(CommandError, match="No such file"):
        decide("promote", "shelf-2")


# ----------------------------------------------------------------------------------------------------- adopt


def test_adopt_takes_two_equal_files(seven_articles: Path) -> None:
    restock()
    SHELF.witness_file.unlink()
    text = decide("adopt", "--service", "shelf")
    assert "Done: shelf-1, shelf-2 in sync, at position 2" in text
    restock()
    assert_copies_equal("shelf")


def test_adopt_takes_the_longer_of_two_logs(seven_articles: Path) -> None:
    leave_behind("shelf-1", times=2)
    SHELF.witness_file.write_bytes(b"garbage")
    assert "shelf-2 in sync, at position 3" in decide("adopt", "--service", "shelf")
    rebuild()


def test_adopt_takes_files_that_the_witness_does_not_know(seven_articles: Path) -> None:
    """Both put back from an older copy of the folder, by hand."""
    for alias in SHELF.aliases:
        with opened(alias) as source, sqlite3.connect(seven_articles / alias / "old") as old:
            source.backup(old)
        old.close()
    restock()
    for alias in SHELF.aliases:
        lose(alias)
        (seven_articles / alias / "old").rename(replication_settings.files[alias])
    with pytest.raises(Unavailable):
        restock()
    assert "Positions 2 to 2, which are settled: 1 entry." in decide("adopt", "--service", "shelf")
    restock()
    assert_copies_equal("shelf")


def test_adopt_refuses_what_is_well(seven_articles: Path) -> None:
    with pytest.raises(CommandError, match="there is nothing to adopt"):
        decide("adopt", "--service", "shelf")


def test_adopt_refuses_a_damaged_file_and_says_what_helps(seven_articles: Path) -> None:
    SHELF.witness_file.unlink()
    change_around("shelf-2", "UPDATE shelf_article SET price = 1 WHERE id = 3")
    with pytest.raises(CommandError, match=r"shelf-2 is not sound.*`replication promote shelf-1`"):
        decide("adopt", "--service", "shelf")


def test_adopt_refuses_histories_that_departed(seven_articles: Path) -> None:
    append_another_entry("shelf-1")
    append_entry("shelf-2", 9, "shelf-2")
    SHELF.witness_file.unlink()
    with pytest.raises(CommandError, match="departed at position 2: `replication promote ALIAS`"):
        decide("adopt", "--service", "shelf")


# --------------------------------------------------------------------------------------------------- discard


@pytest.mark.parametrize("alias", SHELF.aliases)
def test_discard_rebuilds_a_copy_from_the_other_and_loses_nothing(seven_articles: Path, alias: str) -> None:
    restock()
    text = decide("discard", alias)
    assert "Nothing that is known to be settled would be lost" in text
    assert "was interrupted" not in witness().out[alias].reason
    assert head(next(name for name in SHELF.aliases if name != alias)) == floor("shelf") == 2
    rebuild()


def test_discard_refuses_the_only_copy_in_sync(seven_articles: Path) -> None:
    leave_behind("shelf-1")
    with pytest.raises(CommandError, match="shelf-2 may be the only copy that has everything"):
        decide("discard", "shelf-2")


def test_discard_refuses_while_the_other_is_damaged(seven_articles: Path) -> None:
    change_around("shelf-1", "UPDATE shelf_article SET price = 1 WHERE id = 3")
    with pytest.raises(CommandError, match="shelf-1 can't be kept alone, it is damaged: row 3"):
        decide("discard", "shelf-2")


def test_discard_needs_a_witness(seven_articles: Path) -> None:
    SHELF.witness_file.unlink()
    with pytest.raises(CommandError, match="First `replication adopt`"):
        decide("discard", "shelf-2")


# ---------------------------------------------------------------------------------- asking, timelines, kills


def test_without_a_terminal_nothing_is_done(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    before = witness()
    with pytest.raises(CommandError, match="say --yes"):
        decide("discard", "shelf-2", yes=False)
    assert witness() == before


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "is_done"), [("y\n", True), ("yes\n", True), ("\n", False), ("no\n", False)])
def test_the_operator_is_asked(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_done: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    if is_done:
        assert "Go on? [y/N]" in decide("discard", "shelf-2", yes=False)
        assert witness().in_sync == ("shelf-1",)
    else:
        with pytest.raises(CommandError, match="Nothing was done"):
            decide("discard", "shelf-2", yes=False)
        assert witness().in_sync == ("shelf-1", "shelf-2")


def test_a_store_that_has_changed_since_is_looked_at_again(seven_articles: Path) -> None:
    lose_the_last_in_sync()
    state = planning.inspect(SHELF)
    decision = planning.promote(state, "shelf-1")
    append_another_entry("shelf-1")
    before = witness()
    with pytest.raises(planning.Refused, match="changed meanwhile"):
        execution.carry_out(decision, lambda now: planning.promote(now, "shelf-1"))
    assert witness() == before


def test_replicas_refuse_with_the_reason_before_the_leases_are_waited_out(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def look() -> None:
        for alias in SHELF.aliases:
            with pytest.raises(Unavailable) as caught, reads.reading("shelf", alias=alias):
                pass
            said.append(caught.value.detail)

    monkeypatch.setattr(execution, "wait_out_leases", look)
    decide("discard", "shelf-2")
    assert said == [
        f"{alias} is out of sync: `replication discard shelf-2` was interrupted: repeat it" for alias in SHELF.aliases
    ]


COMMANDS = {
    "promote": ("promote", "shelf-1"),
    "adopt": ("adopt", "--service", "shelf"),
    "discard": ("discard", "shelf-2"),
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
    seven_articles: Path, killed_at: KilledAt, action: str, point: str
) -> None:
    restock()
    if action == "promote":
        lose_the_last_in_sync()
    elif action == "adopt":
        SHELF.witness_file.unlink()
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
    with replication_settings.files[alias].open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)


@pytest.mark.parametrize("table", ["shelf_article", "replication_rowdigest", "replication_incarnation"])
def test_a_copy_is_promoted_though_only_a_whole_reading_shows_what_is_wrong_with_the_other(
    seven_articles: Path, table: str
) -> None:
    """Under the lock the log is looked at again, and may seem to be well."""
    leave_behind("shelf-2")
    connections.close_all()
    spoil_rows("shelf-1", table)
    assert "Done:" in decide("promote", "shelf-2")
    Maintenance(SHELF).step()
    assert_copies_equal("shelf")
