"""What only an operator can decide: which history counts, where two copies on one machine can't tell.

A decision is planned first, so that what it costs can be said, and carried out afterwards under the writer lock if
the store is still as it was. It begins a new timeline: the replicas refuse (nobody is in sync, and the witness says
why), the fronts' leases run out, and only then the new history counts. Killed at any point, it leaves a store that
refuses with a reason, and the decision can be taken again.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from bookstore_project.replication import agreement, care, copying, losses
from bookstore_project.replication.agreement import Agreement, FileAccount, Relation
from bookstore_project.replication.backend.base import identity_of
from bookstore_project.replication.caretaker import fault_of
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.hooks import history_chosen
from bookstore_project.replication.losses import Losses
from bookstore_project.replication.mutex import LOCK_TIMEOUT_S, WriterLock, writer_lock
from bookstore_project.replication.points import reached
from bookstore_project.replication.service import Service
from bookstore_project.replication.timelines import new_timeline, wait_out_leases
from bookstore_project.replication.witness import (
    Exclusion,
    FileRecord,
    Witness,
    create_witness,
    read_witness,
    write_witness,
)
from bookstore_project.settings import topology

NO_FILE = FileRecord(identity="", nonce="", size_bytes=0)
"""Of a file that doesn't count and can't be rolled forward: it is rebuilt by a copy."""


class Refused(Exception):
    """The decision makes no sense as things are; the message says what does."""


@dataclass(frozen=True)
class State:
    """A service as an operator's command finds it. Without a usable witness, `problem` says why there is none."""

    service: Service
    witness: Witness | None
    problem: str
    found: Agreement

    @property
    def floor(self) -> int | None:
        return self.witness.floor if self.witness is not None else None

    def able(self) -> list[str]:
        """The in-sync copies that are the witness's, sound, and have all that is settled."""
        if self.witness is None:
            return []
        return [alias for alias in self.witness.in_sync if self._is_able(alias, self.witness)]

    def _is_able(self, alias: str, witness: Witness) -> bool:
        file = self.found.files[alias]
        is_complete = file.head is not None and file.head.position >= witness.floor
        return file.is_sound and is_complete and fault_of(alias, witness) is None

    def other_than(self, alias: str) -> FileAccount:
        (other,) = (file for name, file in self.found.files.items() if name != alias)
        return other


@dataclass(frozen=True)
class Decision:
    """What will be, and what it costs."""

    basis: State
    words: str
    """As the command names it: `promote catalog-2`."""
    keeps: tuple[str, ...]
    """The aliases in sync afterwards: they have the same log."""
    head: int
    losses: Losses
    rejected: tuple[str, ...] = ()
    """The aliases whose file is thrown away: put aside, and rebuilt from what is kept."""

    @property
    def service(self) -> Service:
        return self.basis.service


Plan = Callable[[State], Decision]


def look(service: Service, *, known: State | None = None, is_thorough: bool = True) -> State:
    """Reads both files whole, or (`known`) takes over what was found the last time, and looks at their logs.

    Raises nothing: what can't be read is part of the answer.
    """
    witness, problem = None, ""
    try:
        witness = read_witness(service.witness_file)
    except Unavailable as error:
        problem = error.detail
    found = agreement.compare(service, is_thorough=is_thorough and known is None)
    if known is not None:
        files = {
            alias: replace(file, findings=known.found.files[alias].findings) for alias, file in found.files.items()
        }
        found = replace(found, files=files)
    return State(service, witness, problem, found)


# -------------------------------------------------------------------------------------------------- planning


def promote(state: State, alias: str) -> Decision:
    """The alias's history counts from now on, although it is out of sync. Raises Refused."""
    kept, other = state.found.files[alias], state.other_than(alias)
    _assert_kept_is_sound(kept, "promoted")
    if (able := state.able()) and not _is_split(state):
        if alias in able:
            raise Refused(f"{alias} is in sync and can serve: there is nothing to promote.")
        raise Refused(f"{able[0]} is in sync and sound: `replication repair` brings {alias} back from it.")
    if state.witness is None and state.found.is_whole:
        raise Refused("Both files have one history: `replication adopt` takes both, and nothing is lost.")
    lost = losses.beyond(state.service, kept, state.floor, other)
    return Decision(state, f"promote {alias}", (alias,), _head(kept), lost, rejected=(other.alias,))


def _is_split(state: State) -> bool:
    """Both copies are in sync, and their logs differ: no writer can say which one counts."""
    return state.found.relation is Relation.DEPARTED and len(state.able()) == len(state.service.aliases)


def adopt(state: State) -> Decision:
    """Takes the files as they lie, if they have one history; the longer log counts. Raises Refused."""
    if able := state.able():
        raise Refused(f"The witness is sound, and {able[0]} is in sync and can serve: there is nothing to adopt.")
    found = state.found
    for file in found.files.values():
        if not file.is_sound:
            other = state.other_than(file.alias)
            raise Refused(
                f"{file.alias} is not sound ({file.complaint}): if {other.alias} is to count alone, "
                f"`replication promote {other.alias}`."
            )
    if found.newest is None or found.difference:
        where = f"They departed at position {found.departed_at}" if found.departed_at is not None else "They differ"
        if found.difference:
            where = f"By their logs they should be the same, but {found.difference}"
        raise Refused(
            f"The two files don't have one history. {where}: `replication promote ALIAS` says which one counts."
        )
    newest = found.files[found.newest]
    lost = losses.beyond(state.service, newest, state.floor, None) if state.witness else Losses((), None)
    keeps = tuple(alias for alias in state.service.aliases if alias not in found.behind)
    return Decision(state, "adopt", keeps, _head(newest), lost)


def discard(state: State, alias: str) -> Decision:
    """The alias's file is thrown away, and rebuilt from the other. Raises Refused."""
    kept = state.other_than(alias)
    if state.witness is None:
        raise Refused(f"{state.problem} First `replication adopt`, or `replication promote {kept.alias}`.")
    _assert_kept_is_sound(kept, "kept alone")
    is_counted = kept.alias in state.able() if state.witness.in_sync else _head(kept) >= state.witness.floor
    if not is_counted:
        raise Refused(
            f"{alias} may be the only copy that has everything: {kept.alias} is out of sync. If its history is to "
            f"count all the same, `replication promote {kept.alias}` says what would be lost."
        )
    # What the rejected file has beyond the other's log is in doubt at most: nobody has seen it, or was told of it.
    rejected = state.found.files[alias] if _is_split(state) else None
    lost = losses.beyond(state.service, kept, state.floor, rejected)
    return Decision(state, f"discard {alias}", (kept.alias,), _head(kept), lost, rejected=(alias,))


def _assert_kept_is_sound(kept: FileAccount, what: str) -> None:
    if not kept.is_sound:
        listed = "".join(f"\n  {finding}" for finding in kept.findings[1:])
        raise Refused(
            f"{kept.alias} can't be {what}, it is damaged: {kept.complaint}{listed}\n"
            "If neither file is sound, restore a backup: `manage.py restore`."
        )


def _head(file: FileAccount) -> int:
    assert file.head is not None
    return file.head.position


def consequences(decision: Decision) -> list[str]:
    """What the decision means for the rest of the store, by the account of those who know it."""
    with agreement.snapshot_of(topology.database_file(decision.keeps[0])) as kept:
        answers: list[tuple[Any, Any]] = history_chosen.send(sender=decision.service.name, kept=kept)
    return [sentence for _, sentences in answers for sentence in sentences]


# ------------------------------------------------------------------------------------------------ carrying out


def carry_out(decision: Decision, plan: Plan) -> Witness:
    """Makes it so. `plan` is what made the decision: under the lock it must come to the same.

    Raises Refused if the store isn't any more what was planned for, Unavailable if the lock isn't had.
    """
    service = decision.service
    with writer_lock(service.lock_dir, time.monotonic() + LOCK_TIMEOUT_S) as lock:
        state = look(service, known=decision.basis)
        again = plan(state)
        if (again.keeps, again.losses) != (decision.keeps, decision.losses):
            raise Refused("The store has changed meanwhile, and nothing was done: look again.")
        refusing = refuse(service, lock, state, f"`replication {decision.words}` was interrupted: repeat it")
        reached("decision-refusing")
        wait_out_leases()
        for alias in service.aliases:
            if state.found.files[alias].is_readable and alias not in decision.rejected:
                skip_ids(service, alias, decision.losses.ids_to_skip)
        reached("decision-skipped")
        for alias in decision.rejected:
            copying.put_aside(topology.database_file(alias))
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
    heads = [_head(file) for file in state.found.files.values() if file.head is not None]
    lock.assert_current()
    return create_witness(
        service.witness_file,
        Witness(
            timeline=new_timeline(),
            epoch=max([old.epoch if old else 0, *epochs]) + 1,
            in_sync=(),
            floor=old.floor if old else max(heads, default=0),
            files=known,
            out=dict.fromkeys(service.aliases, Exclusion(reason, care.now())),
        ),
    )


def _witness_after(decision: Decision, refusing: Witness, state: State) -> Witness:
    files: dict[str, FileRecord] = {}
    out: dict[str, Exclusion] = {}
    for alias in decision.service.aliases:
        path = topology.database_file(alias)
        if alias in decision.rejected:
            files[alias] = NO_FILE
        else:
            files[alias] = FileRecord(identity_of(str(path)), state.found.files[alias].nonce, path.stat().st_size)
        if alias not in decision.keeps:
            out[alias] = Exclusion(f"`replication {decision.words}`: it is rebuilt from the other", care.now())
    return replace(
        refusing,
        epoch=refusing.epoch + 1,
        in_sync=decision.keeps,
        floor=decision.head,
        files=files,
        out=out,
    )


def _write(service: Service, refusing: Witness, witness: Witness) -> Witness:
    return write_witness(service.witness_file, replace(witness, counter=refusing.counter), sync=True)


def skip_ids(service: Service, alias: str, count: int) -> None:
    """Moves the automatic primary keys of the replicated tables ahead; needs the writer lock."""
    if not count:
        return
    uri = f"file:{quote(str(topology.database_file(alias)))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT_S)) as connection, connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        for name in service.tables:
            connection.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", (count, name))
