"""What the rest of the store may use of this engine: an `interface.Engine`, which `replication.engine` chooses."""

from contextlib import AbstractContextManager, nullcontext

from django.core.management.base import BaseCommand

from bookstore_project.replication import maintenance_log
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.interface import Caches, Lease, Poll
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.backend.base import run
from bookstore_project.replication.sqlite_pair.commit.writing import write, write_all
from bookstore_project.replication.sqlite_pair.locks.mutex import LOCK_TIMEOUT_S, Role
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.sqlite_pair.operator.collector import StandingCollector
from bookstore_project.replication.sqlite_pair.reading.counting import counted
from bookstore_project.replication.sqlite_pair.reading.gate import read, read_beside
from bookstore_project.replication.sqlite_pair.reading.missed import missed
from bookstore_project.replication.sqlite_pair.reading.objects import from_image, get_verified, rows
from bookstore_project.replication.sqlite_pair.reading.text_search import first_holding, holding, similar, with_words
from bookstore_project.replication.sqlite_pair.repair.bootstrap import has_history
from bookstore_project.replication.sqlite_pair.repair.maintenance import fault_of
from bookstore_project.replication.sqlite_pair.repair.maintenance import register as register_maintenance
from bookstore_project.replication.writing.steps import active_attempt

__all__ = [
    "LOCK_TIMEOUT_S",
    "active_attempt",
    "can_serve",
    "collector",
    "counted",
    "first_holding",
    "from_image",
    "get_verified",
    "has_history",
    "holding",
    "listeners",
    "migrate_command",
    "missed",
    "on_record",
    "preparing",
    "read",
    "read_beside",
    "register_maintenance",
    "renew",
    "replication_command",
    "report_difference",
    "role",
    "rows",
    "run",
    "servers",
    "sides",
    "similar",
    "standing",
    "try_role",
    "with_words",
    "write",
    "write_all",
]


def renew(service: Service, poll: Poll, asked: float, caches: Caches) -> bool:
    """Leases are files: every writer is on this machine, and has its clock."""
    return caches.renew(poll, asked)


def listeners(service: Service, caches: Caches) -> list[Lease]:
    return caches.listeners()


def collector(service: Service) -> StandingCollector:
    return StandingCollector(service)


def standing(service: Service) -> Witness:
    return read_witness(service.witness_file)


def servers(service: Service) -> list[str]:
    return []


def can_serve(service: Service, alias: str) -> bool:
    witness = standing(service)
    return alias in witness.trusted and fault_of(alias, witness) is None


def on_record(name: str, text: str, *, is_new: bool = False) -> str:
    """Whoever has the data folder has the files that say it."""
    return text


def sides(first: str, there: str) -> tuple[str, str]:
    return first, there


def report_difference(service: Service) -> str:
    maintenance_log.request_scrub(service.name)
    return "The store has been asked to read both, and to rebuild the one that is wrong."


def preparing() -> AbstractContextManager[None]:
    """All are on this machine, and whoever prepares has locked its folder."""
    return nullcontext()


def replication_command(caches: Caches) -> BaseCommand:
    from bookstore_project.replication.sqlite_pair.operator.commands import replication

    return replication.Command(caches)


def migrate_command(caches: Caches) -> BaseCommand:
    from bookstore_project.replication.sqlite_pair.operator.commands import migrate

    return migrate.Command(caches)


def try_role(service: Service, name: str) -> AbstractContextManager[bool]:
    return try_lock(service.lock_dir / name)


def role(service: Service, name: str) -> Role:
    return Role(service.lock_dir / name)
