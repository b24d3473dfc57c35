"""Files that were put aside: what was found at fault, or doesn't count any more, is kept beside its place.

Under a name of its own with the time, so that none is ever overwritten. An operator looks at them and removes them.
Of those that hold nothing which the copy in sync lacks, the newest few are enough, and the rest goes by itself: a
file that is spoilt again and again doesn't fill the disk.
"""

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files import backup_copy, comparison, source
from bookstore_project.replication.sqlite_pair.files.comparison import FileSummary
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator import data_loss
from bookstore_project.replication.sqlite_pair.operator.data_loss import UNREADABLE

logger = logging.getLogger("bookstore.replication")

KEPT_WITHOUT_NEED = 3
"""Of each alias, files that hold nothing of their own."""


@dataclass(frozen=True)
class Quarantined:
    """A file that was put aside, with what lies beside it."""

    alias: str
    path: Path

    @property
    def name(self) -> str:
        """By which the operator names it: relative to the data folder."""
        return str(self.path.relative_to(replication_settings.data_dir))

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in backup_copy.with_wal_files(self.path) if path.exists())


@dataclass(frozen=True)
class Content:
    """What is in one, by its own summary, and what of it the copy in sync lacks."""

    words: str
    own: tuple[str, ...]
    """The rows that only it has, a line each."""
    is_compared: bool
    """Whether that is known: it can be read, and there is a copy to compare it with."""


def quarantined(alias: str) -> list[Quarantined]:
    """Those of an alias, oldest first."""
    path = replication_settings.files[alias]
    names = re.compile(rf"{re.escape(path.name)}\.quarantine(?!.*-(wal|shm|journal)$)")
    found = [each for each in path.parent.glob(f"{path.name}.quarantine*") if names.match(each.name)]
    return [Quarantined(alias, each) for each in sorted(found, key=lambda each: (each.stat().st_mtime_ns, each.name))]


def inspect(service: Service, file: Quarantined) -> Content:
    """Raises nothing: what can't be read is part of the answer."""
    try:
        with source.snapshot_of(file.path) as connection:
            summary = comparison.summarize(connection, service, file.alias, is_thorough=False)
    except UNREADABLE as error:
        return Content(f"can't be read: {error}", (), is_compared=False)
    assert summary.head is not None
    words = f"ends at position {summary.head.position}"
    if summary.has_pending:
        return Content(f"{words}, with a change that no log knows", (), is_compared=False)
    kept = _counting(service)
    if kept is None:
        return Content(f"{words}; no copy is in sync to compare it with", (), is_compared=False)
    try:
        own = tuple(data_loss.only_in(service, kept, summary, file.path))
    except UNREADABLE as error:
        return Content(f"{words}, and can't be read any further: {error}", (), is_compared=False)
    beyond = f"holds what {kept.alias} lacks:" if own else f"nothing that {kept.alias} lacks"
    return Content(f"{words}; {beyond}", own, is_compared=True)


def _counting(service: Service) -> FileSummary | None:
    with suppress(Unavailable, *UNREADABLE):
        witness = read_witness(service.witness_file)
        for alias in witness.trusted:
            with source.opened(alias, witness, of_any_code=True) as connection:
                return comparison.summarize(connection, service, alias, is_thorough=False)
    return None


def remove(file: Quarantined) -> None:
    backup_copy.remove(file.path)


def remove_unneeded(service: Service, alias: str) -> None:
    """Removes what nobody needs: see above. For the repairer, after the alias has come back."""
    with suppress(OSError):
        files = [
            file for file in quarantined(alias) if (found := inspect(service, file)).is_compared and not found.own
        ]
        for file in files[:-KEPT_WITHOUT_NEED]:
            remove(file)
            logger.info("%s is removed: it held nothing that the copy in sync lacks", file.name)
