"""What the rest of the store may use of this engine: an `interface.Engine`, which `replication.engine` chooses."""

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.interface import Caches, Lease, Poll
from bookstore_project.replication.postgresql import leases, maintenance, shared
from bookstore_project.replication.postgresql.attempt import LOCK_TIMEOUT_S
from bookstore_project.replication.postgresql.counting import counted
from bookstore_project.replication.postgresql.databases import preparing
from bookstore_project.replication.postgresql.primary import unavailable
from bookstore_project.replication.postgresql.reading import get_verified, has_history, missed, read
from bookstore_project.replication.postgresql.roles import Role, try_role
from bookstore_project.replication.postgresql.rows import from_image, rows, run
from bookstore_project.replication.postgresql.silent_servers import watch_connections
from bookstore_project.replication.postgresql.standby import read_beside
from bookstore_project.replication.postgresql.standing import StandingCollector, can_serve, standing
from bookstore_project.replication.postgresql.status import servers
from bookstore_project.replication.postgresql.text_search import first_holding, holding, similar, with_words
from bookstore_project.replication.postgresql.writing import write, write_all
from bookstore_project.replication.service import Service
from bookstore_project.replication.writing.steps import active_attempt
from bookstore_project.settings import modes

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


def register_maintenance(caches: Caches) -> None:
    watch_connections()
    maintenance.register(caches)


def renew(service: Service, poll: Poll, asked: float, caches: Caches) -> bool:
    """Counted from when a writer blocks it, so that nobody's clock has a say."""
    if replication_settings.coherence != modes.FULL:
        return False  # Other writers of this mode may wait for nobody: a front that counts on them must not.
    return leases.renew(service, poll, lambda: caches.is_reachable(poll))


def listeners(service: Service, caches: Caches) -> list[Lease]:
    return caches.listeners() if replication_settings.coherence == modes.PUSH else leases.leases(service)


def collector(service: Service) -> StandingCollector:
    return StandingCollector(service)


def sides(first: str, there: str) -> tuple[str, str]:
    return "the primary", "the standby"


def report_difference(service: Service) -> str:
    return "`pg_amcheck` of both servers finds out which."


def on_record(name: str, text: str, *, is_new: bool = False) -> str:
    try:
        return shared.on_record(name, text, is_new=is_new)
    except DatabaseError as error:
        raise unavailable(error) from error


def role(service: Service, name: str) -> Role:
    return Role(service, name)


def migrate_command(caches: Caches) -> BaseCommand:
    from bookstore_project.replication.postgresql import migrate_command as found

    return found.Migrate(caches)


def replication_command(caches: Caches) -> BaseCommand:
    from bookstore_project.replication.postgresql import replication_command as found

    return found.Command(caches)
