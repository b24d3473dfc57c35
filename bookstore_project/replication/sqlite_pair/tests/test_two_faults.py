"""Two faults at once: what was found in a file that nobody can do without is remembered, until all of it was checked.

One copy is spoilt, and the other one is gone. Whatever happens then to what gave the fault away (a connection closes,
a tool merges the `-wal`, a process is killed between two steps), nothing is read from the spoilt one, nothing taken.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from pytest_django import Settings

from bookstore_project.replication import failpoints, maintenance_log, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.commit.opening import FaultReport, by_reports, take_out
from bookstore_project.replication.sqlite_pair.files import file_identity, verification
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.operator.status import status
from bookstore_project.replication.sqlite_pair.repair.compaction import compact
from bookstore_project.replication.tests.desk.models import Line, Mark, Slip
from bookstore_project.replication.tests.shelf.models import Article, Note
from bookstore_project.replication.tests.shelf.services import SEVEN, restock
from bookstore_project.replication.tests.support.articles import price_of, reprice
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    KilledAt,
    assert_copies_equal,
    change_around,
    held,
)
from bookstore_project.replication.tests.support.strangers import look_with_a_tool, lose, overwrite, read_bytes
from bookstore_project.replication.transaction import run
from tests.actors import Actor
from tests.waiting import PATIENCE_S

SHELF = get_service("shelf")
SLIP_ID = uuid.UUID(int=7)
TITLE = SEVEN[0][0]


@dataclass(frozen=True)
class Kind:
    """A service: a row that changes, who reads it, and a write that touches no page of it."""

    service: Service
    change: Callable[[], object]
    read: Callable[[], object]
    write: Callable[[], object]

    @property
    def witness(self) -> Witness:
        return read_witness(self.service.witness_file)

    def read_at(self, alias: str) -> object:
        with reads.reading(self.service.name, alias=alias):
            return self.read()

    def checkpoint(self) -> None:
        with writer_lock(self.service.lock_dir, timeout_s=PATIENCE_S):
            file_identity.checkpoint(self.service, self.witness)

    def refuses(self, alias: str) -> None:
        """Reads, lists and writes, whatever maintenance does, and whoever asks."""
        maintenance = Maintenance(self.service)
        for _ in range(2):
            with pytest.raises(Unavailable):
                self.write()
            with pytest.raises(Unavailable):
                self.read_at(alias)
            with pytest.raises(Unavailable):
                Actor(lambda: self.read_at(alias)).result()
            with suppress(Unavailable):
                maintenance.step()
        assert alias in self.witness.suspects
        assert not [file.alias for file in status(self.service).files if file.in_sync]


def _note() -> None:
    run("shelf", lambda: Note.objects.create(key=uuid.uuid4(), text=""))


def _slip(title: str) -> None:
    def write() -> None:
        Slip.objects.get_or_create(id=SLIP_ID, defaults={"made_at": datetime.now(UTC), "number": 1})
        values = {"slip_id": SLIP_ID, "article": 1, "title": title, "quantity": 1}
        Line.objects.update_or_create(number=1, defaults=values)

    run("desk", write)


KINDS = {
    "shelf": Kind(SHELF, reprice, lambda: Article.objects.get(pk=1).price, _note),
    "desk": Kind(
        get_service("desk"),
        lambda: _slip("as it is"),
        lambda: list(Line.objects.values_list("title")),
        lambda: run("desk", lambda: Mark.objects.create(number=0)),
    ),
}
Old = dict[str, bytes]


def start() -> str:
    """What a start of the store does to its files, after all processes have ended; what it says."""
    connections.close_all()
    told = StringIO()
    try:
        call_command("migrate", verbosity=0, stderr=told)
    except CommandError as error:
        told.write(str(error))
    connections.close_all()
    return told.getvalue()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, seven_articles: Path) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def old(kind: Kind) -> Old:
    """Both files as they were before the row changed. The -wal beside them knows of later changes of other pages."""
    _slip("as it was")
    kind.write()
    kind.checkpoint()
    old = {alias: read_bytes(replication_settings.files[alias]) for alias in kind.service.aliases}
    kind.change()
    kind.checkpoint()
    kind.write()
    return old


@pytest.mark.parametrize("spoilt", [0, 1])
class TestOverwrittenWhileTheOtherIsGone:
    @pytest.mark.processes
    def test_nothing_is_read_or_written_ever_after(self, kind: Kind, old: Old, spoilt: int) -> None:
        alias, other = kind.service.aliases[spoilt], kind.service.aliases[1 - spoilt]
        lose(other)
        overwrite(replication_settings.files[alias], old[alias])
        kind.refuses(alias)
        connections.close_all()
        kind.refuses(alias)
        assert kind.witness.in_sync == tuple(kind.service.aliases)
        start()
        kind.refuses(alias)

    @pytest.mark.parametrize("content", ["old", "as it is"])
    @pytest.mark.processes
    def test_a_tool_that_takes_away_what_gave_it_away_changes_nothing(
        self, kind: Kind, old: Old, spoilt: int, content: str
    ) -> None:
        """Also where a check would find nothing wrong: an old page is as sound as a new one."""
        alias, other = kind.service.aliases[spoilt], kind.service.aliases[1 - spoilt]
        lose(other)
        path = replication_settings.files[alias]
        overwrite(path, old[alias] if content == "old" else read_bytes(path))
        with pytest.raises(Unavailable):
            kind.write()
        connections.close_all()
        look_with_a_tool(alias)
        assert alias in start()
        kind.refuses(alias)

    @pytest.mark.processes
    def test_nor_if_the_file_was_only_seen_short(self, kind: Kind, old: Old, spoilt: int, settings: Any) -> None:
        """Whoever writes a file in place cuts it off first, and may be met doing it."""
        settings.REPLICATION = settings.REPLICATION | {"LOG_KEEP": 1}
        compact(kind.service)
        alias, other = kind.service.aliases[spoilt], kind.service.aliases[1 - spoilt]
        lose(other)
        overwrite(replication_settings.files[alias], b"")
        with pytest.raises(Unavailable):
            kind.write()
        overwrite(replication_settings.files[alias], old[alias])
        connections.close_all()
        look_with_a_tool(alias)
        start()
        kind.refuses(alias)

    @pytest.mark.processes
    def test_nor_if_it_does_so_before_anybody_has_seen_it(self, kind: Kind, old: Old, spoilt: int) -> None:
        """A crash, an old copy, a look with sqlite3, a start: the check of the whole file tells."""
        alias, other = kind.service.aliases[spoilt], kind.service.aliases[1 - spoilt]
        connections.close_all()
        lose(other)
        overwrite(replication_settings.files[alias], old[alias])
        look_with_a_tool(alias)
        start()
        with pytest.raises(Unavailable):
            kind.read_at(alias)
        kind.refuses(alias)


@pytest.mark.processes
def test_a_tool_that_had_a_look_between_a_crash_and_a_start_costs_nothing(kind: Kind, old: Old) -> None:
    """Neither with both copies there, nor with one of them lost."""
    first, second = kind.service.aliases
    expected = kind.read_at(first)
    connections.close_all()
    for alias in kind.service.aliases:
        look_with_a_tool(alias)
    start()
    assert kind.read_at(first) == kind.read_at(second) == expected
    kind.write()
    assert kind.witness.trusted == (first, second)
    connections.close_all()
    look_with_a_tool(first)
    lose(second)
    start()
    assert kind.read_at(first) == expected
    kind.write()
    assert kind.witness.in_sync == (first,)
    Maintenance(kind.service).step()
    assert_copies_equal(kind.service.name)


HERE = "from bookstore_project.replication.sqlite_pair.tests.test_two_faults import *\n"
WRITE = f"{HERE}KINDS['shelf'].write()"
STEP = f"{HERE}Maintenance(KINDS['shelf'].service).step()"


@pytest.mark.parametrize("kind", ["shelf"], indirect=True)
@pytest.mark.parametrize("code", [WRITE, STEP], ids=["writer", "maintenance"])
@pytest.mark.parametrize("point", ["suspect", "suspected"])
@pytest.mark.processes
def test_killed_while_it_remembers_what_it_found(
    kind: Kind, old: Old, killed_at: KilledAt, point: str, code: str
) -> None:
    connections.close_all()
    lose("shelf-2")
    overwrite(replication_settings.files["shelf-1"], old["shelf-1"])
    killed_at(point, code)
    start()
    kind.refuses("shelf-1")


@pytest.mark.parametrize("kind", ["shelf"], indirect=True)
@pytest.mark.parametrize("point", ["begun", "before-commit", "committed-shelf-1"])
@pytest.mark.processes
def test_the_last_copy_is_overwritten_under_a_writer(kind: Kind, old: Old, point: str) -> None:
    """The commit may begin the -wal anew: what it was when the file was overwritten is gone then."""
    lose("shelf-2")
    kind.write()
    assert kind.witness.in_sync == ("shelf-1",)
    kind.checkpoint()
    failpoints.hooks[point] = lambda: overwrite(replication_settings.files["shelf-1"], old["shelf-1"])
    if point == "committed-shelf-1":
        kind.write()  # What was committed before, and is acknowledged now, stands.
    else:
        with pytest.raises(OutcomeUnknown):
            kind.write()
        assert "shelf-1" in kind.witness.suspects
    failpoints.hooks.clear()
    connections.close_all()
    kind.refuses("shelf-1")


# ------------------------------------------------------------------------------------------ damaged rows


def list_titles(alias: str) -> list[str]:
    with reads.reading("shelf", alias=alias):
        return [article.title for article in Article.objects.all()]


def flip(alias: str) -> None:
    change_around(alias, "UPDATE shelf_article SET title = 'Flipped' WHERE id = 1")


def test_the_set_does_not_shrink_to_a_file_that_a_scrub_would_not_pass(seven_articles: Path) -> None:
    flip("shelf-1")
    lose("shelf-2")
    with pytest.raises(Unavailable, match="shelf-1, which would be the only copy, is damaged: row 1 of"):
        restock(2)
    assert set(read_witness(SHELF.witness_file).suspects) == {"shelf-1", "shelf-2"}
    with pytest.raises(Unavailable, match="shelf-1 is suspected: row 1"):
        list_titles("shelf-1")


def read_verified(alias: str) -> None:
    with reads.reading("shelf", alias=alias):
        reads.get_verified(Article, 1)


FINDERS: dict[str, Callable[[], object]] = {
    "a read of the article": lambda: read_verified("shelf-1"),
    "a write of the article": lambda: reprice(1),
    "a scrub": lambda: Maintenance(SHELF).scrub(),
}


@pytest.mark.parametrize("finder", FINDERS)
def test_with_damage_known_in_the_last_copy_every_answer_is_a_refusal(seven_articles: Path, finder: str) -> None:
    lose("shelf-2")
    restock(2)
    flip("shelf-1")
    with pytest.raises(Unavailable):
        FINDERS[finder]()
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"shelf-1 is suspected: .*row 1 of shelf_article"):
            list_titles("shelf-1")
        with pytest.raises(Unavailable, match="suspected"):
            price_of(2, "shelf-1")
        with pytest.raises(Unavailable, match="suspected"):
            restock(2)
        connections.close_all()
        with pytest.raises(Unavailable, match="suspected"):
            Maintenance(SHELF).step()  # There is a copy to be rebuilt.


def test_a_reader_that_finds_damage_has_the_copy_taken_out_at_once(seven_articles: Path) -> None:
    flip("shelf-1")
    with pytest.raises(Unavailable, match="row 1"):
        read_verified("shelf-1")
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-2",)
    with pytest.raises(Unavailable, match="out of sync"):
        list_titles("shelf-1")
    Maintenance(SHELF).step()
    assert_copies_equal("shelf")


def test_what_a_reader_saw_in_a_file_that_was_replaced_meanwhile_counts_for_nothing(seven_articles: Path) -> None:
    flip("shelf-1")

    def rebuild() -> None:
        failpoints.hooks.clear()
        Actor(lambda: reprice(1)).result()
        Actor(Maintenance(SHELF).step).result()

    failpoints.hooks["gate-report"] = rebuild
    with pytest.raises(Unavailable, match="row 1"):
        read_verified("shelf-1")
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")


def test_nor_does_what_a_scrub_saw(seven_articles: Path) -> None:
    flip("shelf-1")

    def rebuild() -> None:
        failpoints.hooks.clear()
        Actor(lambda: reprice(1)).result()
        Actor(Maintenance(SHELF).step).result()

    failpoints.hooks["scrubbed"] = rebuild
    assert "row 1 of shelf_article" in Maintenance(SHELF).scrub()["shelf-1"][0]
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")


def test_a_file_that_only_nobody_vouches_for_is_checked_once_and_counts_again(seven_articles: Path) -> None:
    """Whoever reported it doesn't know that it was checked meanwhile."""
    before = read_witness(SHELF.witness_file)
    unvouched = file_identity.Unvouched("its -wal was replaced")
    take_out(SHELF, by_reports([FaultReport("shelf-1", before.files["shelf-1"].nonce, unvouched)]))
    after = read_witness(SHELF.witness_file)
    assert (after.in_sync, after.suspects, after.epoch) == (before.in_sync, {}, before.epoch + 1)


def test_a_lock_of_another_program_is_no_reason_to_report_a_file(seven_articles: Path) -> None:
    nonce = read_witness(SHELF.witness_file).files["shelf-1"].nonce
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    take_out(SHELF, by_reports([FaultReport("shelf-1", nonce, busy)]))
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")


# --------------------------------------------------------------------------------------------- cleared again


def _begin_the_wals_anew(kind: Kind, killed_at: KilledAt, point: str) -> None:
    """By a writer that is killed before the witness is told of them."""
    kind.checkpoint()
    before = [record.wal for record in kind.witness.files.values()]
    killed_at(point, f"{HERE}KINDS['{kind.service.name}'].write()")
    assert [record.wal for record in kind.witness.files.values()] == before
    files = [replication_settings.files[alias] for alias in kind.service.aliases]
    assert [file_identity.wal_identity(path) for path in files] != before


@pytest.mark.parametrize("killed", [None, "committed", "invalidated"])
@pytest.mark.processes
def test_files_that_come_back_as_they_were_count_again(kind: Kind, killed_at: KilledAt, killed: str | None) -> None:
    kind.write()
    if killed is not None:
        _begin_the_wals_anew(kind, killed_at, killed)
    folders = [replication_settings.files[alias].parent for alias in kind.service.aliases]
    for folder in folders:
        folder.rename(folder.with_name(f"{folder.name}.away"))
    with pytest.raises(Unavailable):
        kind.write()
    assert set(kind.witness.suspects) == set(kind.service.aliases)
    maintenance = Maintenance(kind.service)
    maintenance.step()
    assert set(kind.witness.suspects) == set(kind.service.aliases)
    for folder in folders:
        folder.with_name(f"{folder.name}.away").rename(folder)
    maintenance.step()
    assert (kind.witness.suspects, kind.witness.in_sync) == ({}, tuple(kind.service.aliases))
    kind.write()
    assert_copies_equal(kind.service.name)


def test_a_row_that_is_mended_counts_again_after_a_scrub(seven_articles: Path) -> None:
    lose("shelf-2")
    restock(2)
    flip("shelf-1")
    with pytest.raises(Unavailable):
        reprice(1)
    maintenance = Maintenance(SHELF)
    with pytest.raises(Unavailable):
        maintenance.step()
    change_around("shelf-1", f"UPDATE shelf_article SET title = '{TITLE}' WHERE id = 1")
    maintenance.scrub()
    maintenance.step()
    reprice(1)
    assert_copies_equal("shelf")


def test_the_operator_has_those_who_are_suspected_checked(seven_articles: Path) -> None:
    flip("shelf-1")
    lose("shelf-2")
    with pytest.raises(Unavailable):
        restock(2)
    told = StringIO()
    with pytest.raises(CommandError, match="Still suspected: shelf-1, shelf-2"):
        call_command("replication", "scrub", "--service", "shelf", stdout=told, stderr=StringIO())
    assert "shelf-1: SUSPECTED\n  row 1 of shelf_article isn't what the log says" in told.getvalue()
    assert "shelf-2: SUSPECTED\n  its file is gone" in told.getvalue()
    change_around("shelf-1", f"UPDATE shelf_article SET title = '{TITLE}' WHERE id = 1")
    with pytest.raises(CommandError, match="Still suspected: shelf-2"):
        call_command("replication", "scrub", "--service", "shelf", stdout=told, stderr=StringIO())
    assert "shelf-1: sound, and not suspected any more" in told.getvalue()


@pytest.mark.processes
def test_killed_before_it_is_cleared_it_is_cleared_by_the_next(seven_articles: Path, killed_at: KilledAt) -> None:
    connections.close_all()
    path = replication_settings.files["shelf-1"]
    lose("shelf-2")
    path.rename(path.with_name("away"))
    with pytest.raises(Unavailable):
        reprice(1)
    path.with_name("away").rename(path)
    connections.close_all()
    killed_at("suspicion-checked", STEP)
    assert "shelf-1" in read_witness(SHELF.witness_file).suspects
    Maintenance(SHELF).step()
    reprice(1)
    assert_copies_equal("shelf")


# -------------------------------------------------------------------------------------- files with many rows


@pytest.fixture
def large_files(seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is checked while writers wait."""
    monkeypatch.setattr(verification, "AT_ONCE_BYTES", 0)


def test_a_large_file_is_checked_by_maintenance_before_it_counts_alone(large_files: None) -> None:
    lose("shelf-2")
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"is checked as a whole first.* try again in a moment"):
            reprice(1)
        assert price_of(1, "shelf-1")[0] == "30.00", "it is read meanwhile"
    Maintenance(SHELF).step()
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    reprice(1)
    assert_copies_equal("shelf")


def test_a_large_file_that_was_checked_lately_counts_alone_at_once(large_files: None) -> None:
    """Nobody who buys is refused: not when a file is lost, nor when the other one is, after a copy of it was made."""
    maintenance = Maintenance(SHELF)
    maintenance.scrub()
    lose("shelf-2")
    reprice(1)
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1",)
    maintenance.step()
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    lose("shelf-1")
    reprice(2)
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-2",)
    maintenance.step()
    assert_copies_equal("shelf")


def _note_check(nonce_of: str = "shelf-1", *, seconds_ago: float = 0, is_sound: bool = True) -> None:
    nonce, then = read_witness(SHELF.witness_file).files[nonce_of].nonce, time.time() - seconds_ago
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: then)
        maintenance_log.note_check("shelf", "shelf-1", nonce, is_sound=is_sound)


NOT_LATELY: dict[str, Callable[[Settings], object]] = {
    "another copy was": lambda settings: _note_check("shelf-2"),
    "something was found": lambda settings: _note_check(is_sound=False),
    "too long ago": lambda settings: _note_check(seconds_ago=2 * settings.REPLICATION["SCRUB_EVERY_S"] + 60),
    "the clock was set back": lambda settings: _note_check(seconds_ago=-60),
    "there are no scrubs": lambda settings: setattr(
        settings, "REPLICATION", settings.REPLICATION | {"SCRUB_EVERY_S": 0}
    ),
}


@pytest.mark.parametrize("why", NOT_LATELY)
def test_a_large_file_that_was_not_checked_lately_is_checked_first(
    large_files: None, settings: Settings, why: str
) -> None:
    Maintenance(SHELF).scrub()
    NOT_LATELY[why](settings)
    lose("shelf-2")
    with pytest.raises(Unavailable, match="is checked as a whole first"):
        reprice(1)


def test_damage_since_the_last_check_is_known_when_the_copy_is_made(large_files: None) -> None:
    Maintenance(SHELF).scrub()
    flip("shelf-1")
    lose("shelf-2")
    restock(2)
    maintenance = Maintenance(SHELF)
    with pytest.raises(Unavailable, match="is damaged: row 1"):
        maintenance.step()
    with pytest.raises(Unavailable):
        maintenance.scrub()
    with pytest.raises(Unavailable, match="suspected"):
        list_titles("shelf-1")


def test_while_a_tool_holds_a_large_file_the_store_goes_on_after_the_check(large_files: None) -> None:
    with held("shelf-2"):
        with pytest.raises(Unavailable, match="is checked as a whole first"):
            reprice(1)
        with pytest.raises(Unavailable, match="busy or full"):
            Maintenance(SHELF).step()
        reprice(1)
    Maintenance(SHELF).step()
    assert_copies_equal("shelf")


def test_a_large_file_that_does_not_pass_is_suspected(large_files: None) -> None:
    flip("shelf-1")
    lose("shelf-2")
    with pytest.raises(Unavailable):
        restock(2)
    with pytest.raises(Unavailable, match="row 1"):
        Maintenance(SHELF).step()
    with pytest.raises(Unavailable, match="suspected: row 1"):
        list_titles("shelf-1")


@pytest.mark.processes
def test_killed_between_the_check_and_the_eviction_it_is_checked_again(
    large_files: None, killed_at: KilledAt
) -> None:
    lose("shelf-2")
    with pytest.raises(Unavailable):
        reprice(1)
    connections.close_all()
    killed_at(
        "survivor-checked",
        "from bookstore_project.replication.sqlite_pair.files import verification\nverification.AT_ONCE_BYTES = 0\n"
        + STEP,
    )
    assert read_witness(SHELF.witness_file).in_sync == ("shelf-1", "shelf-2")
    Maintenance(SHELF).step()
    reprice(1)
    assert_copies_equal("shelf")
