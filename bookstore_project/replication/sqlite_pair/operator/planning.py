"""What only an operator can decide: which history counts, where two copies on one machine can't tell.

Here it is planned: whether it makes sense, and what it costs, to be said before anybody says yes. `execution` carries
it out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.events import history_chosen
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import comparison, source, staleness
from bookstore_project.replication.sqlite_pair.files.comparison import Comparison, FileSummary, Relation
from bookstore_project.replication.sqlite_pair.membership.witness import Witness
from bookstore_project.replication.sqlite_pair.operator import data_loss
from bookstore_project.replication.sqlite_pair.operator.data_loss import DataLoss
from bookstore_project.replication.sqlite_pair.repair.maintenance import fault_of


class Refused(Exception):
    """The decision makes no sense as things are; the message says what does."""


@dataclass(frozen=True)
class State:
    """A service as an operator's command finds it. Without a usable witness, `problem` says why there is none."""

    service: Service
    witness: Witness | None
    problem: str
    found: Comparison

    @property
    def floor(self) -> int | None:
        return self.witness.floor if self.witness is not None else None

    def able(self) -> list[str]:
        """The in-sync copies that are the witness's, unsuspected, sound, and have all that is settled."""
        if self.witness is None:
            return []
        return [alias for alias in self.witness.trusted if self._is_able(alias, self.witness)]

    def _is_able(self, alias: str, witness: Witness) -> bool:
        file = self.found.files[alias]
        is_complete = file.head is not None and file.head.position >= witness.floor
        return file.is_sound and is_complete and fault_of(alias, witness) is None

    def other_than(self, alias: str) -> FileSummary:
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
    data_loss: DataLoss
    rejected: tuple[str, ...] = ()
    """The aliases whose file is thrown away: put aside, and rebuilt from what is kept."""

    @property
    def service(self) -> Service:
        return self.basis.service


Plan = Callable[[State], Decision]


def inspect(service: Service, *, known: State | None = None, is_thorough: bool = True) -> State:
    """Reads both files whole, or (`known`) takes over what was found the last time, and looks at their logs.

    A file that couldn't be read the last time is read whole again: a look at its log may find nothing wrong with it.
    Raises nothing: what can't be read is part of the answer.
    """
    witness, problem = staleness.current_or_why(service)
    if known is None:
        return State(service, witness, problem, comparison.compare(service, scrubbed=None if is_thorough else ()))
    unreadable = {alias for alias, file in known.found.files.items() if file.problem}
    found = comparison.compare(service, scrubbed=unreadable)
    files = {
        alias: file if alias in unreadable else replace(file, findings=known.found.files[alias].findings)
        for alias, file in found.files.items()
    }
    return State(service, witness, problem, replace(found, files=files))


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
    lost = data_loss.beyond(state.service, kept, state.floor, other)
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
    lost = data_loss.beyond(state.service, newest, state.floor, None) if state.witness else DataLoss((), None)
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
            f"{alias} may be the only copy that has everything: {kept.alias} is out of sync, or suspected. If its "
            f"history is to count all the same, `replication promote {kept.alias}` says what would be lost."
        )
    # What the rejected file has beyond the other's log is in doubt at most: nobody has seen it, or was told of it.
    rejected = state.found.files[alias] if _is_split(state) else None
    lost = data_loss.beyond(state.service, kept, state.floor, rejected)
    return Decision(state, f"discard {alias}", (kept.alias,), _head(kept), lost, rejected=(alias,))


def _assert_kept_is_sound(kept: FileSummary, what: str) -> None:
    if not kept.is_sound:
        listed = "".join(f"\n  {finding}" for finding in kept.findings[1:])
        raise Refused(
            f"{kept.alias} can't be {what}, it is damaged: {kept.complaint}{listed}\n"
            "If neither file is sound, restore a backup: `manage.py restore`."
        )


def _head(file: FileSummary) -> int:
    assert file.head is not None
    return file.head.position


def consequences(decision: Decision) -> list[str]:
    """What the decision means for the rest of the store, by the account of those who know it."""
    with source.snapshot_of(replication_settings.files[decision.keeps[0]]) as kept:
        answers: list[tuple[Any, Any]] = history_chosen.send(sender=decision.service.name, kept=kept)
    return [sentence for _, sentences in answers for sentence in sentences]
