"""How an operator's decision becomes true, under the writer lock, if the store is still as it was planned for.

It begins a new timeline: the replicas refuse (nobody is in sync, and the witness says why), the fronts' leases run
out, and only then the new history counts. Killed at any point, it leaves a store that refuses with a reason, and the
decision can be taken again.
"""

from collections.abc import Mapping
from dataclasses import replace

from bookstore_project import sqlite_files
from bookstore_project.replication import maintenance_log
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import backup_copy
from bookstore_project.replication.sqlite_pair.files.file_identity import record_of
from bookstore_project.replication.sqlite_pair.locks.mutex import LOCK_TIMEOUT_S, WriterLock, writer_lock
from bookstore_project.replication.sqlite_pair.membership.witness import (
    Exclusion,
    FileRecord,
    Witness,
    create_witness,
    write_witness,
)
from bookstore_project.replication.sqlite_pair.operator.planning import Decision, Plan, Refused, State, inspect
from bookstore_project.replication.timelines import new_timeline, wait_out_leases

NO_FILE = FileRecord(identity="", nonce="", size_bytes=0)
"""Of a file that doesn't count and can't be rolled forward: it is rebuilt by a copy."""


def carry_out(decision: Decision, plan: Plan) -> Witness:
    """Makes it so. `plan` is what made the decision: under the lock it must come to the same.

    Raises Refused if the store isn't any more what was planned for, Unavailable if the lock isn't had.
    """
    service = decision.service
    with writer_lock(service.lock_dir) as lock:
        state = inspect(service, known=decision.basis)
        again = plan(state)
        if (again.keeps, again.data_loss) != (decision.keeps, decision.data_loss):
            raise Refused("The store has changed meanwhile, and nothing was done: look again.")
        refusing = refuse(service, lock, state, f"`replication {decision.words}` was interrupted: repeat it")
        reached("decision-refusing")
        wait_out_leases()
        for alias in service.aliases:
            if state.found.files[alias].is_readable and alias not in decision.rejected:
                skip_ids(service, alias, decision.data_loss.ids_to_skip)
        reached("decision-skipped")
        for alias in decision.rejected:
            backup_copy.put_aside(replication_settings.files[alias])
        reached("decision-put-aside")
        lock.assert_current()
        written = _write(service, refusing, _witness_after(again, refusing, state))
        reached("decision-written")
    return written


def refuse(
    service: Service, lock: WriterLock, state: State, reason: str, files: Mapping[str, FileRecord] | None = None
) -> Witness:
    """A witness, durable, by which nobody is in sync: every read and write is refused, with this reason.

    It begins the new timeline, so that no process takes it for an older state of the former one. What was known
    (the floor, and the files unless others are given) stays in it, for the next attempt to judge by.
    """
    old = state.witness
    known = files or (old.files if old else dict.fromkeys(service.aliases, NO_FILE))
    epochs = [file.epoch for file in state.found.files.values()]
    heads = [file.head.position for file in state.found.files.values() if file.head is not None]
    lock.assert_current()
    return create_witness(
        service.witness_file,
        Witness(
            timeline=new_timeline(),
            epoch=max([old.epoch if old else 0, *epochs]) + 1,
            in_sync=(),
            floor=old.floor if old else max(heads, default=0),
            files=known,
            out=dict.fromkeys(service.aliases, Exclusion(reason, maintenance_log.now())),
            suspects=old.suspects if old else {},
        ),
    )


def _witness_after(decision: Decision, refusing: Witness, state: State) -> Witness:
    files: dict[str, FileRecord] = {}
    out: dict[str, Exclusion] = {}
    for alias in decision.service.aliases:
        if alias in decision.rejected:
            files[alias] = NO_FILE
        else:
            files[alias] = record_of(replication_settings.files[alias], state.found.files[alias].nonce)
        if alias not in decision.keeps:
            out[alias] = Exclusion(
                f"`replication {decision.words}`: it is rebuilt from the other", maintenance_log.now()
            )
    return replace(
        refusing,
        epoch=refusing.epoch + 1,
        in_sync=decision.keeps,
        floor=decision.head,
        files=files,
        out=out,
        suspects={},
    )


def _write(service: Service, refusing: Witness, witness: Witness) -> Witness:
    return write_witness(service.witness_file, replace(witness, counter=refusing.counter), sync=True)


def skip_ids(service: Service, alias: str, count: int) -> None:
    """Moves the automatic primary keys of the replicated tables ahead; needs the writer lock."""
    if not count:
        return
    path = replication_settings.files[alias]
    with sqlite_files.opened(path, is_writable=True, timeout_s=LOCK_TIMEOUT_S) as connection, connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        for name in service.tables:
            connection.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", (count, name))
