"""What runs beside every replica: one of them, in the whole store, keeps the log short.

Copies, checksums and promotions are the server's.
"""

from bookstore_project.nodes import background
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.interface import MAINTENANCE, Caches
from bookstore_project.replication.postgresql import compaction
from bookstore_project.replication.postgresql.roles import Role
from bookstore_project.replication.service import Service, get_service

EVERY_S = 10.0
MOST_BATCHES = 20
"""In one round: sales go on meanwhile, and share the disk."""


def register(caches: Caches) -> None:
    for name in replication_settings.services:
        background.register(
            name, background.Task(f"{name} maintenance", Maintenance(get_service(name)).step, EVERY_S)
        )


class Maintenance:
    """Takes care of one service's log, if nobody else does."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.role = Role(service, MAINTENANCE)

    def step(self) -> None:
        for _ in range(MOST_BATCHES if self.role.is_mine() else 0):
            if compaction.compact(self.service) < compaction.BATCH:
                break
