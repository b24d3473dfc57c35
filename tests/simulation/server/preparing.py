"""Databases of a simulated server, made of a pair's files: the same rows and log, and what the engine adds."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from bookstore_project.replication.log import triggers
from bookstore_project.replication.log.images import image_expression
from bookstore_project.replication.service import Table, get_service
from tests.databases import SERVICES
from tests.simulation.server.session import LEASES, ROWS, paths_of

SERVERS = (1, 2)
TIMELINE = "1"
HEAD = """
    CREATE TABLE replication_head (position INTEGER, hash TEXT, timeline TEXT, server_timeline TEXT);
    INSERT INTO replication_head SELECT position, hash, 'begin', '00000001' FROM replication_logentry
        ORDER BY position DESC LIMIT 1;
    DROP TABLE IF EXISTS replication_pendingchange;
    CREATE TABLE replication_pendingchange
        (id INTEGER PRIMARY KEY, "table" TEXT, "key" TEXT, before TEXT, after TEXT);
"""
LEASE = """
    CREATE TABLE replication_lease (front TEXT, instance TEXT, address TEXT, lease_s REAL, renewals INTEGER DEFAULT 0,
        blocked INTEGER DEFAULT 0, PRIMARY KEY (front, instance));
"""
RECORD = "CREATE TABLE simulated_record (number INTEGER); INSERT INTO simulated_record VALUES (0);"


def convert(data: Path) -> None:
    """What is in the folder of a pair's store becomes that of a store on a primary and a standby."""
    for name in SERVICES:
        made = paths_of(data, 1, name)
        with closing(sqlite3.connect(made[ROWS], isolation_level=None)) as connection:
            for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f'DROP TRIGGER "{trigger}"')
            connection.executescript(HEAD + RECORD)
            for table in get_service(name).tables.values():
                connection.executescript(noting(table))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with closing(sqlite3.connect(made[LEASES], isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(LEASE + RECORD)
        copy(data, 1, 2)
    for number in SERVERS:
        folder = data / f"server-{number}"
        folder.mkdir()
        (folder / "timeline").write_text(TIMELINE)
        (folder / "wal").touch()


def noting(table: Table) -> str:
    """Triggers that note what the engine's note: the row's image before and after."""
    name, key = table.name, f'"{table.key_column}"'
    was, is_now = image_expression(table, "OLD"), image_expression(table, "NEW")
    note = 'INSERT INTO replication_pendingchange ("table", "key", before, after)'
    return f"""
        CREATE TRIGGER "{triggers.PREFIX}{name}_insert" AFTER INSERT ON "{name}" BEGIN
            {note} VALUES ('{name}', json_quote(NEW.{key}), NULL, {is_now}); END;
        CREATE TRIGGER "{triggers.PREFIX}{name}_delete" AFTER DELETE ON "{name}" BEGIN
            {note} VALUES ('{name}', json_quote(OLD.{key}), {was}, NULL); END;
        CREATE TRIGGER "{triggers.PREFIX}{name}_update" AFTER UPDATE ON "{name}" BEGIN
            {note} VALUES ('{name}', json_quote(NEW.{key}), {was}, {is_now}); END;
    """


def copy(data: Path, of: int, to: int) -> None:
    """A base backup: that server has what the other one has, all that it has written down included."""
    for name in SERVICES:
        for part, path in paths_of(data, of, name).items():
            there = paths_of(data, to, name)[part]
            for suffix in ("", "-wal"):
                Path(f"{there}{suffix}").unlink(missing_ok=True)
                if Path(f"{path}{suffix}").exists():
                    shutil.copyfile(f"{path}{suffix}", f"{there}{suffix}")
            Path(f"{there}-shm").unlink(missing_ok=True)
    for file in ("wal", "timeline"):
        there = data / f"server-{to}" / file
        if there.parent.exists():
            shutil.copyfile(data / f"server-{of}" / file, there)
