"""Maintenance's look at the files that are suspected: who passes the check counts again, or the other takes over."""

from functools import partial

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.progress import Progress, silent
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.commit.opening import take_out
from bookstore_project.replication.sqlite_pair.files import file_identity, verification
from bookstore_project.replication.sqlite_pair.locks.mutex import writer_lock
from bookstore_project.replication.sqlite_pair.membership import suspicion
from bookstore_project.replication.sqlite_pair.membership.witness import Suspicion, read_witness

Looks = tuple[Suspicion, int | None, str]
"""What a check was made of: if none of it has changed, the next one would find the same."""


class Review:
    """Outside the writer lock, but for what is written down in the end."""

    def __init__(self, service: Service, progress: Progress = silent) -> None:
        self._service = service
        self._progress = progress
        self._checked: dict[str, Looks] = {}

    def step(self, *, is_thorough: bool = False) -> dict[str, list[str]]:
        """Clears who passes the check, and takes the others out if somebody is left who passes it.

        What was found, by alias. Raises Unavailable if the lock isn't had, or nobody is left.
        """
        found = self.clear(is_thorough=is_thorough)
        self._take_out()
        return found

    def clear(self, *, is_thorough: bool = False) -> dict[str, list[str]]:
        """Clears who passes the check; what was found, by alias.

        A file that hasn't changed since it was checked last is checked again only if `is_thorough`. Raises
        Unavailable if the lock isn't had.
        """
        found: dict[str, list[str]] = {}
        witness = read_witness(self._service.witness_file)
        for alias, suspected in witness.suspects.items():
            if witness.trusted and not suspected.must_be_copied:
                continue  # It was busy, or full: reading it, which goes well, says nothing of that.
            if not is_thorough and self._state(alias, suspected) == self._checked.get(alias):
                continue
            tell = partial(self._progress, f"checking {alias}")
            checked = suspicion.check(self._service, alias, read_witness(self._service.witness_file), tell)
            found[alias] = [] if checked.fault is None else [str(checked.fault)]
            if checked.fault is None:
                with writer_lock(self._service.lock_dir) as lock:
                    suspicion.clear(self._service, lock, alias, checked.record)
            else:
                self._checked[alias] = self._state(alias, suspected)
        return found

    def _take_out(self) -> None:
        """A suspected file that stays so is evicted as soon as the others were checked."""
        witness = read_witness(self._service.witness_file)
        if not witness.suspects or not witness.trusted:
            return
        faults = {alias: fault for alias in witness.trusted if (fault := self._check_survivor(alias)) is not None}
        checked = [alias for alias in witness.trusted if alias not in faults]
        take_out(self._service, lambda now: faults if now.suspects else {}, checked=checked, of_any_code=True)

    def _check_survivor(self, alias: str) -> BaseException | None:
        witness = read_witness(self._service.witness_file)
        return verification.fault_of_whole(
            self._service, alias, witness, partial(self._progress, f"checking {alias}")
        )

    def _state(self, alias: str, suspected: Suspicion) -> Looks:
        return (
            suspected,
            file_identity.write_time(alias),
            file_identity.wal_identity(replication_settings.files[alias]),
        )
