"""A file, or what lies beside it, that somebody else writes or removes under open connections: found before it
counts.

An old copy written into the file in place leaves its inode, and a `-wal` that belongs to newer content beside it. A
removed `-wal` or `-shm` lives on in the connections that have it open, and the next one makes another.
"""

import os
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from bookstore_project import sqlite_files
from bookstore_project.api.problems import NotFound
from bookstore_project.replication import failpoints, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ReplicaFault, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.backend.base import identity
from bookstore_project.replication.sqlite_pair.files import file_identity, participant
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership import in_sync_set
from bookstore_project.replication.sqlite_pair.membership.witness import Witness
from bookstore_project.replication.sqlite_pair.reading import gate
from bookstore_project.replication.sqlite_pair.repair import bootstrap, rejoin
from bookstore_project.replication.sqlite_pair.repair.compaction import compact
from bookstore_project.replication.sqlite_pair.repair.maintenance import fault_of
from bookstore_project.replication.tests.shelf.models import Note
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.articles import price_of, reprice, witness
from bookstore_project.replication.tests.support.file_faults import forget_everything
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import KilledAt, assert_copies_equal, head, python
from bookstore_project.replication.tests.support.strangers import overwrite, read_bytes
from bookstore_project.replication.transaction import run
from tests.actors import Actor, Pause
from tests.waiting import PATIENCE_S

SHELF = get_service("shelf")


def note(length: int = 1) -> None:
    """A write that touches no page of the articles."""
    run("shelf", lambda: Note.objects.create(key=uuid.uuid4(), text="x" * length))


def checkpointed() -> None:
    """Everything so far goes from the -wal into the files."""
    with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S):
        file_identity.checkpoint(SHELF, witness())


def find_nothing(meanwhile: Callable[[], object] = lambda: None) -> None:
    with reads.reading("shelf", alias="shelf-2"):
        meanwhile()
        raise NotFound("There is no such article.")


class TestOverwritten:
    """The old copy is from before the price of article 1 changed; the -wal beside it knows only of later changes."""

    @pytest.fixture
    def old(self, seven_articles: Path) -> dict[str, bytes]:
        note(40_000)
        run("shelf", lambda: Note.objects.all().delete())  # Free pages: the files won't grow.
        checkpointed()
        old = {alias: read_bytes(replication_settings.files[alias]) for alias in SHELF.aliases}
        reprice(1)
        checkpointed()
        note()
        assert witness().files["shelf-2"].written_ns is not None
        assert all(replication_settings.files[alias].stat().st_size == len(old[alias]) for alias in old)
        return old

    @pytest.mark.parametrize("is_compacted", [False, True])
    @pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
    @pytest.mark.processes
    def test_nor_if_it_was_put_there_while_nothing_ran(
        self, old: dict[str, bytes], alias: str, is_compacted: bool, settings: Any
    ) -> None:
        if is_compacted:  # No image of the price is left to compare with.
            settings.REPLICATION = settings.REPLICATION | {"LOG_KEEP": 1}
            compact(SHELF)
        path = replication_settings.files[alias]
        wal = read_bytes(Path(f"{path}-wal"))
        connections.close_all()  # A kill of everything leaves the -wal.
        path.with_name("old").write_bytes(old[alias])
        path.with_name("old").replace(path)
        Path(f"{path}-wal").write_bytes(wal)
        with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S) as lock:
            assert bootstrap.adopt_moved_files(SHELF, lock) == []
        with pytest.raises(Unavailable):
            price_of(1, alias)
        Maintenance(SHELF).step()
        assert price_of(1, alias)[0] == "5.00"
        assert_copies_equal("shelf")

    @pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
    @pytest.mark.parametrize("size", ["equal", "larger", "smaller"])
    @pytest.mark.processes
    def test_nobody_reads_the_old_price(self, old: dict[str, bytes], alias: str, size: str) -> None:
        content = {"equal": old[alias], "larger": old[alias] + b"\0" * 8192, "smaller": old[alias][:-4096]}[size]
        overwrite(replication_settings.files[alias], content)
        readers: list[Callable[[], object]] = [
            lambda: price_of(1, alias),
            lambda: Actor(lambda: price_of(1, alias)).result(),
        ]
        for reader in readers:
            with pytest.raises(Unavailable, match=r"overwritten|shrank|malformed|out of sync"):
                reader()
        restock(3)
        assert alias not in witness().in_sync
        Maintenance(SHELF).step()
        assert price_of(1, "shelf-1")[0] == price_of(1, "shelf-2")[0] == "5.00"
        assert_copies_equal("shelf")

    @pytest.mark.processes
    def test_the_head_alone_would_not_have_told(self, old: dict[str, bytes]) -> None:
        """What makes the stamp necessary: the mixture ends at the floor, and says an old price."""
        overwrite(replication_settings.files["shelf-2"], old["shelf-2"])
        assert head("shelf-2") == witness().floor
        with sqlite_files.opened(replication_settings.files["shelf-2"]) as stranger:
            assert stranger.execute("SELECT price FROM shelf_article WHERE id = 1").fetchone() == (30,)

    @pytest.mark.processes
    def test_maintenance_finds_it_though_nobody_reads_or_writes(self, old: dict[str, bytes]) -> None:
        overwrite(replication_settings.files["shelf-2"], old["shelf-2"])
        Maintenance(SHELF).step()
        assert witness().in_sync == ("shelf-1", "shelf-2")
        assert_copies_equal("shelf")

    @pytest.mark.parametrize("fault", [ReplicaFault("damaged"), OSError("busy")], ids=["by copy", "by log"])
    @pytest.mark.processes
    def test_a_file_that_has_just_rejoined_is_watched_at_once(self, seven_articles: Path, fault: Exception) -> None:
        with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S) as lock:
            in_sync_set.evict(SHELF, lock, witness(), {"shelf-2": fault})
        rejoin.repair(SHELF)
        path = replication_settings.files["shelf-2"]
        assert fault_of("shelf-2", witness()) is None
        overwrite(path, read_bytes(path))
        assert "overwritten" in str(fault_of("shelf-2", witness()))

    @pytest.mark.processes
    def test_a_fault_that_could_not_be_reported_is_found_again(
        self, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Closing the last connection would merge the -wal into the old copy, and nothing would tell any more."""
        monkeypatch.setattr(gate, "REPORT_TIMEOUT_S", 0.02)
        overwrite(replication_settings.files["shelf-2"], old["shelf-2"])
        with writer_lock(SHELF.lock_dir, timeout_s=PATIENCE_S):
            for _ in range(2):
                with pytest.raises(Unavailable, match="overwritten"):
                    price_of(1, "shelf-2")
        with pytest.raises(Unavailable, match="overwritten"):
            price_of(1, "shelf-2")
        assert "overwritten" in witness().out["shelf-2"].reason
        Maintenance(SHELF).step()
        assert price_of(1, "shelf-2")[0] == "5.00"

    @pytest.mark.processes
    def test_one_thread_at_a_time_waits_to_report_a_fault(self, old: dict[str, bytes]) -> None:
        reports: list[str] = []
        pause = Pause()

        def report() -> None:
            reports.append(threading.current_thread().name)
            pause()

        failpoints.hooks["gate-report"] = report
        overwrite(replication_settings.files["shelf-2"], old["shelf-2"])
        first = Actor(lambda: price_of(1, "shelf-2"))
        pause.wait_until_reached()
        for _ in range(3):
            with pytest.raises(Unavailable, match="overwritten"):
                price_of(1, "shelf-2")
        assert reports == [first.name]
        pause.let_go()
        with pytest.raises(Unavailable, match="overwritten"):
            first.result()
        assert "shelf-2" not in witness().in_sync

    @pytest.mark.processes
    def test_an_answer_that_was_read_meanwhile_is_not_given(self, old: dict[str, bytes]) -> None:
        failpoints.hooks["gate-snapshot"] = lambda: overwrite(replication_settings.files["shelf-2"], old["shelf-2"])
        with pytest.raises(Unavailable, match="overwritten"):
            price_of(1, "shelf-2")

    @pytest.mark.processes
    def test_that_nothing_was_found_meanwhile_is_not_said(self, old: dict[str, bytes]) -> None:
        """What is missing in the old copy may have been put there since."""

        def overwrite_it() -> None:
            overwrite(replication_settings.files["shelf-2"], old["shelf-2"])

        with pytest.raises(Unavailable, match="overwritten"):
            find_nothing(overwrite_it)

    def test_what_a_reader_raises_comes_out_as_it_is(self, seven_articles: Path) -> None:
        with pytest.raises(NotFound, match="no such article"):
            find_nothing()

    @pytest.mark.parametrize("alias", ["shelf-1", "shelf-2"])
    @pytest.mark.parametrize("point", ["begun", "before-commit", "committed-shelf-1", "committed-shelf-2"])
    @pytest.mark.processes
    def test_a_writer_between_two_steps_finds_it(self, old: dict[str, bytes], alias: str, point: str) -> None:
        failpoints.hooks[point] = lambda: overwrite(replication_settings.files[alias], old[alias])
        restock(4)
        failpoints.hooks.clear()
        restock(4)
        Maintenance(SHELF).step()
        assert price_of(1, "shelf-1")[0] == price_of(1, "shelf-2")[0] == "5.00"
        assert_copies_equal("shelf")


class TestCheckpoints:
    """The store's own writes of a file are no fault, whatever cuts them short."""

    def test_reads_and_maintenance_take_no_offence(self, seven_articles: Path) -> None:
        seen: list[str] = []
        for point in ("checkpoint-announced", "checkpoint-made"):
            failpoints.hooks[point] = lambda: seen.append(str(Actor(lambda: price_of(1, "shelf-2")[0]).result()))
        for _ in range(2):
            restock()
            checkpointed()
            assert [fault_of(alias, witness()) for alias in SHELF.aliases] == [None, None]
        assert seen == ["30.00"] * 4

    def test_a_read_that_a_checkpoint_overtakes_goes_through(self, seven_articles: Path) -> None:
        restock()
        checkpointed()
        restock()
        failpoints.hooks["gate-snapshot"] = lambda: Actor(checkpointed).join(PATIENCE_S)
        assert price_of(1, "shelf-2")[0] == "30.00"

    @pytest.mark.parametrize("point", ["checkpoint-announced", "checkpoint-made"])
    @pytest.mark.processes
    def test_a_kill_in_one_leaves_no_fault(self, seven_articles: Path, killed_at: KilledAt, point: str) -> None:
        restock()
        killed_at(
            point,
            "from bookstore_project.replication.sqlite_pair.files import file_identity\n"
            "file_identity.CHECKPOINT_EVERY = 1\n"
            "from bookstore_project.replication.tests.shelf.services import restock\nrestock()",
        )
        Maintenance(SHELF).evict_faulty()
        restock()
        assert witness().in_sync == ("shelf-1", "shelf-2")
        assert_copies_equal("shelf")

    @pytest.mark.parametrize("is_read", [False, True], ids=["the -wal is begun anew", "a reader keeps the -wal"])
    def test_a_power_cut_after_one_leaves_no_fault_whoever_looks_first(
        self, seven_articles: Path, monkeypatch: pytest.MonkeyPatch, is_read: bool
    ) -> None:
        """SQLite has synced the files. Of the witness, what the store hasn't synced may be lost."""
        restock()
        with ExitStack() as readers:
            for alias in SHELF.aliases if is_read else ():
                reader = readers.enter_context(closing(sqlite3.connect(replication_settings.files[alias])))
                reader.execute("BEGIN")
                reader.execute("SELECT * FROM shelf_article").fetchall()
            checkpointed()
            durable = [SHELF.witness_file.read_bytes()]

            def fsync(descriptor: int, fsync: Callable[[int], None] = os.fsync) -> None:
                fsync(descriptor)
                durable.append(SHELF.witness_file.read_bytes())

            monkeypatch.setattr(os, "fsync", fsync)
            restock()
        checkpointed()
        SHELF.witness_file.write_bytes(durable[-1])
        forget_everything()
        assert [fault_of(alias, witness()) for alias in SHELF.aliases] == [None, None]
        restock()
        assert witness().in_sync == ("shelf-1", "shelf-2")
        assert price_of(1, "shelf-1") == price_of(1, "shelf-2")
        assert_copies_equal("shelf")

    def test_when_a_file_was_written_is_durable_before_the_witness_says_it(
        self, seven_articles: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SQLite syncs what is in the file, and not its time: a power cut could take that back alone."""
        synced: list[tuple[str, int, int | None]] = []

        def fsync(descriptor: int, fsync: Callable[[int], None] = os.fsync) -> None:
            fsync(descriptor)
            about = os.fstat(descriptor)
            told = {record.identity: record.written_ns for record in witness().files.values()}
            synced.append((identity(about), about.st_mtime_ns, told.get(identity(about))))

        restock()
        monkeypatch.setattr(os, "fsync", fsync)
        checkpointed()
        for alias in SHELF.aliases:
            about = replication_settings.files[alias].stat()
            assert (identity(about), about.st_mtime_ns, None) in synced
            assert witness().files[alias].written_ns == about.st_mtime_ns

    def test_one_is_made_now_and_then(self, seven_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file_identity, "CHECKPOINT_EVERY", 4)
        sizes = [replication_settings.files[alias].stat().st_mtime_ns for alias in SHELF.aliases]
        for _ in range(4):
            restock()
        assert all(
            replication_settings.files[alias].stat().st_mtime_ns > before
            for alias, before in zip(SHELF.aliases, sizes, strict=True)
        )
        assert witness().in_sync == ("shelf-1", "shelf-2")

    @pytest.mark.processes
    def test_closing_the_last_connection_merges_nothing(self, seven_articles: Path) -> None:
        """Neither that of a thread, nor of a command or a process that ends."""
        closers: list[Callable[[], object]] = [
            restock,
            lambda: Actor(restock).result(),
            lambda: python(
                "from bookstore_project.replication.tests.support.articles import *; reprice(1)"
            ).communicate(),
        ]
        for close in closers:
            before = replication_settings.files["shelf-1"].stat().st_mtime_ns
            close()
            connections.close_all()
            assert replication_settings.files["shelf-1"].stat().st_mtime_ns == before
            assert beside("shelf-1", "-wal").stat().st_size > 0
            assert fault_of("shelf-1", witness()) is None
        restock()
        assert witness().in_sync == ("shelf-1", "shelf-2")


OPENED_AND_READ = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM shelf_article'); "
    "c.execute('BEGIN'); c.execute('SELECT * FROM shelf_article').fetchall(); c.rollback(); c.close()"
)
READ_ONLY = OPENED_AND_READ.replace("sys.argv[1]", "'file:' + sys.argv[1] + '?mode=ro', uri=True")
TOOLS = {
    "sqlite3, read and write": [sys.executable, "-c", OPENED_AND_READ],
    "sqlite3, read only": [
        sys.executable,
        "-c",
        OPENED_AND_READ.replace("sys.argv[1]", "'file:' + sys.argv[1] + '?mode=ro', uri=True"),
    ],
    "cp": ["sh", "-c", 'cp "$0" "$0.copy"'],
}


class TestVisitors:
    """Who only looks leaves no fault, whether the store runs or not."""

    @pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
    @pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
    @pytest.mark.processes
    def test_a_tool_that_only_reads_leaves_no_fault(
        self, seven_articles: Path, tool: list[str], is_running: bool
    ) -> None:
        for _ in range(2):
            restock()
            checkpointed()
            restock()
            before = price_of(1, "shelf-1"), price_of(1, "shelf-2")
            if not is_running:
                connections.close_all()
            for alias in SHELF.aliases:
                subprocess.run([*tool, replication_settings.files[alias]], check=True)
            if not is_running:
                Maintenance(SHELF).evict_faulty()
            assert [fault_of(alias, witness()) for alias in SHELF.aliases] == [None, None]
            assert (price_of(1, "shelf-1"), price_of(1, "shelf-2")) == before
            Maintenance(SHELF).evict_faulty()
        restock()
        assert witness().in_sync == ("shelf-1", "shelf-2")

    @pytest.mark.processes
    def test_a_tool_that_merges_the_wal_of_killed_processes_leaves_no_fault(
        self, seven_articles: Path, killed_at: KilledAt
    ) -> None:
        connections.close_all()
        killed_at(
            "floor",
            "from bookstore_project.replication.tests.shelf.services import restock\nrestock()",
        )
        assert beside("shelf-1", "-wal").stat().st_size
        for alias in SHELF.aliases:
            subprocess.run([*TOOLS["sqlite3, read and write"], replication_settings.files[alias]], check=True)
        assert not beside("shelf-1", "-wal").exists()
        Maintenance(SHELF).evict_faulty()
        restock()
        assert witness().in_sync == ("shelf-1", "shelf-2")
        assert_copies_equal("shelf")


def beside(alias: str, suffix: str) -> Path:
    path = replication_settings.files[alias]
    return path.with_name(path.name + suffix)


def new_connection() -> None:
    """What another process would do: it finds nothing, and makes new files."""
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM shelf_article')"
    subprocess.run([sys.executable, "-c", code, replication_settings.files["shelf-2"]], check=False)


class TestSidecars:
    @pytest.fixture(params=["-wal", "-shm"])
    def removed(self, request: pytest.FixtureRequest, seven_articles: Path) -> Callable[[], None]:
        """Removes one of the files beside shelf-2, under open connections."""
        reprice(1)
        return beside("shelf-2", request.param).unlink

    @pytest.mark.parametrize("is_made_anew", [False, True])
    @pytest.mark.processes
    def test_no_read_or_write_goes_by_it(self, removed: Callable[[], None], is_made_anew: bool) -> None:
        removed()
        if is_made_anew:
            new_connection()
        with pytest.raises(Unavailable, match=r"removed or replaced|gone"):
            price_of(1, "shelf-2")
        # SQLite may have tidied up as the last one left: then whoever opens it now finds all of it.
        with suppress(Unavailable):
            assert Actor(lambda: price_of(1, "shelf-2")).result() == ("5.00", witness().floor)
        reprice(2)
        Maintenance(SHELF).step()
        assert witness().in_sync == ("shelf-1", "shelf-2")
        assert price_of(1, "shelf-2")[0] == price_of(2, "shelf-2")[0] == "5.00"
        assert_copies_equal("shelf")

    @pytest.mark.parametrize("point", ["begun", "before-commit", "committed-shelf-1", "committed-shelf-2"])
    def test_a_writer_between_two_steps_finds_it(self, removed: Callable[[], None], point: str) -> None:
        failpoints.hooks[point] = removed
        restock()
        failpoints.hooks.clear()
        restock()
        Maintenance(SHELF).step()
        assert_copies_equal("shelf")
        assert witness().in_sync == ("shelf-1", "shelf-2")

    def test_maintenance_finds_it_and_the_other_file_may_then_fail(self, removed: Callable[[], None]) -> None:
        maintenance = Maintenance(SHELF)
        removed()
        maintenance.step()
        assert witness().in_sync == ("shelf-1", "shelf-2")
        replication_settings.files["shelf-1"].unlink()
        restock()
        maintenance.step()
        assert_copies_equal("shelf")

    def test_a_copy_is_made_though_the_log_would_fit(self, removed: Callable[[], None]) -> None:
        removed()
        Maintenance(SHELF).evict_faulty()
        (repaired,) = rejoin.repair(SHELF)
        assert repaired.means == "copy"


@pytest.mark.processes
def test_the_last_other_process_may_leave_while_a_writer_comes(
    seven_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its leaving writes the file, after this one has looked at it and before it has opened it."""
    connections.close_all()
    code = (
        "import sys\nfrom django.db import connections\n"
        "from bookstore_project.replication.tests.shelf.services import restock\n"
        "restock()\nprint('written', flush=True)\n"
        "sys.stdin.readline()\nconnections.close_all()\nprint('left', flush=True)\nsys.stdin.readline()"
    )
    connect = participant.connect
    with python(code) as other:
        to_other, from_other = other.stdin, other.stdout

        def connect_late(alias: str, seen: Witness) -> sqlite3.Connection:
            monkeypatch.setattr(participant, "connect", connect)
            print(flush=True, file=to_other)
            assert from_other.readline() == "left\n"
            return connect(alias, seen)

        assert from_other.readline() == "written\n"
        monkeypatch.setattr(participant, "connect", connect_late)
        restock()
        print(flush=True, file=to_other)
    assert witness().in_sync == ("shelf-1", "shelf-2")
    assert_copies_equal("shelf")
