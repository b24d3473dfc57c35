"""Makes a service's two files into replicas: log base, incarnation, triggers, and the witness.

Every step may be interrupted and repeated: the witness comes last, and what is there by then is kept.
"""

import secrets
import sqlite3
import uuid

from bookstore_project.replication import log, triggers
from bookstore_project.replication.backend.base import identity_of
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import Service, wrapper
from bookstore_project.replication.witness import FileRecord, Witness, create_witness


def prepare_file(service: Service, alias: str) -> None:
    """Gives a freshly migrated file its first log entry, its nonce and its triggers. Needs an unguarded alias."""
    database = wrapper(alias)
    database.ensure_connection()
    connection: sqlite3.Connection = database.connection
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not triggers.installed(connection, service):
            triggers.install(connection, service)
        if connection.execute("SELECT 1 FROM replication_logentry LIMIT 1").fetchone() is None:
            base = log.make_entry(log.Head(-1, log.GENESIS), 1, [], [])
            log.append(connection, base)
        if connection.execute("SELECT 1 FROM replication_incarnation").fetchone() is None:
            connection.execute("INSERT INTO replication_incarnation (nonce) VALUES (?)", (secrets.token_hex(16),))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def create_first_witness(service: Service) -> None:
    """The witness of a store that begins: both files in sync, nothing settled but the base.

    Raises Unavailable if the files hold different histories: that is no new store.
    """
    heads, files = {}, {}
    for alias in service.aliases:
        database = wrapper(alias)
        database.ensure_connection()
        heads[alias] = log.read_head(database.connection)
        nonce = database.connection.execute("SELECT nonce FROM replication_incarnation").fetchone()[0]
        files[alias] = FileRecord(identity_of(database.path), nonce, 0)
    if len(set(heads.values())) != 1:
        raise Unavailable(
            f"There is no witness of {service.name}, and its two files differ: an operator has to say which counts."
        )
    floor = next(iter(heads.values())).position
    create_witness(service.witness_file, Witness(uuid.uuid4().hex[:8], 1, tuple(service.aliases), floor, files))
