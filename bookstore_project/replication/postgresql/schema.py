"""What stands in a service's database beside its rows: head, log, leases, and what the triggers note.

A row that brings its own number takes the numbers that the database gives beyond it, as in SQLite.

The tables are made by migrations of this engine's own; the triggers are those of the code, made anew after each
`migrate`.
"""

from typing import Any

import psycopg
from psycopg import sql

from bookstore_project.replication.log.entries import GENESIS
from bookstore_project.replication.service import Service
from bookstore_project.replication.timelines import new_timeline

TRIGGER = "replication_note"
TABLES = (
    # One row: the newest entry, and under which timeline of the server's which timeline of ours began.
    "CREATE TABLE replication_head (id boolean PRIMARY KEY DEFAULT true CHECK (id), position bigint NOT NULL, "
    "hash varchar(64) NOT NULL, timeline varchar(32) NOT NULL, server_timeline varchar(8) NOT NULL) "
    "WITH (fillfactor = 20)",
    "CREATE TABLE replication_logentry (position bigint PRIMARY KEY, epoch bigint NOT NULL, payload text NOT NULL, "
    "keys text NOT NULL, hash varchar(64) NOT NULL)",
    "CREATE TABLE replication_lease (front varchar(100) NOT NULL, instance varchar(100) NOT NULL, "
    "address varchar(255) NOT NULL, lease_s double precision NOT NULL, renewals bigint NOT NULL DEFAULT 0, "
    "blocked boolean NOT NULL DEFAULT false, PRIMARY KEY (front, instance)) WITH (fillfactor = 20)",
    # Emptied before each commit: there is nothing in it that a crash could take away.
    'CREATE UNLOGGED TABLE replication_pendingchange (id bigserial PRIMARY KEY, "table" varchar(100) NOT NULL, '
    '"key" text NOT NULL, before text, after text)',
)
NOTE = """
CREATE OR REPLACE FUNCTION replication_note() RETURNS trigger LANGUAGE plpgsql AS $note$
DECLARE
  writes text := current_setting('bookstore.writes', true);
  was jsonb;
  is_now jsonb;
BEGIN
  IF writes = 'unnoted' THEN
    RETURN NULL;
  ELSIF writes IS DISTINCT FROM 'noted' THEN
    RAISE EXCEPTION 'written outside a replicated transaction' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
  IF TG_OP <> 'INSERT' THEN
    was := to_jsonb(OLD);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    is_now := to_jsonb(NEW);
  END IF;
  IF TG_OP = 'UPDATE' AND was -> TG_ARGV[0] <> is_now -> TG_ARGV[0] THEN
    INSERT INTO replication_pendingchange ("table", "key", before, after)
      VALUES (TG_TABLE_NAME, was -> TG_ARGV[0], was, NULL), (TG_TABLE_NAME, is_now -> TG_ARGV[0], NULL, is_now);
  ELSE
    INSERT INTO replication_pendingchange ("table", "key", before, after)
      VALUES (TG_TABLE_NAME, coalesce(is_now, was) -> TG_ARGV[0], was, is_now);
  END IF;
  IF TG_OP = 'INSERT' AND TG_NARGS > 1
      AND (is_now ->> TG_ARGV[0])::bigint > coalesce(pg_sequence_last_value(TG_ARGV[1]::regclass), 0) THEN
    PERFORM setval(TG_ARGV[1]::regclass, (is_now ->> TG_ARGV[0])::bigint);
  END IF;
  RETURN NULL;
END $note$
"""
SERVER_TIMELINE = "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
"""Of the primary that is asked: a standby that is promoted begins another one."""


def begin(connection: "psycopg.Connection[Any]") -> None:
    """Makes the head of a log that begins, unless there is one, or a store is moving here: see `arrival`."""
    connection.execute(
        "INSERT INTO replication_head (position, hash, timeline, server_timeline) "
        f"SELECT 0, %s, %s, {SERVER_TIMELINE} WHERE to_regclass('replication_arrival') IS NULL "
        "ON CONFLICT DO NOTHING",
        (GENESIS, new_timeline()),
    )
    connection.execute(
        "INSERT INTO replication_logentry SELECT 0, 0, '[]', '[]', %s "
        "WHERE NOT EXISTS (SELECT FROM replication_logentry)",
        (GENESIS,),
    )


def is_made(connection: "psycopg.Connection[Any]") -> bool:
    """Whether migrations have been here."""
    found = connection.execute("SELECT to_regclass('replication_head') IS NOT NULL").fetchone()
    return bool(found and found[0])


def install(connection: "psycopg.Connection[Any]", service: Service) -> None:
    """Makes the triggers anew: migrations may have dropped them with the table."""
    connection.execute(NOTE)
    for table in service.tables.values():
        found = connection.execute(
            "SELECT pg_get_serial_sequence(%s, %s)", (f'"{table.name}"', table.key_column)
        ).fetchone()
        arguments = [table.key_column, *filter(None, found or ())]
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE TRIGGER {} AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW "
                "EXECUTE FUNCTION replication_note({})"
            ).format(
                sql.Identifier(TRIGGER), sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Literal, arguments))
            )
        )


def lacks_triggers(connection: "psycopg.Connection[Any]", service: Service) -> bool:
    """Whether a table of the service has lost its trigger, or has it switched off."""
    found = connection.execute(
        "SELECT count(*) FROM pg_trigger WHERE tgname = %s AND tgenabled = 'O' AND tgrelid::regclass::text = ANY(%s)",
        (TRIGGER, list(service.tables)),
    ).fetchone()
    return found is None or found[0] != len(service.tables)
