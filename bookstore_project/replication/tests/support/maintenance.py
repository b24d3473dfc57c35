"""Maintenance as a node has it done: what it settles is invalidated at the fronts."""

from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.repair import maintenance


class Maintenance(maintenance.Maintenance):
    def __init__(self, service: Service) -> None:
        super().__init__(service, pushes)


def scrub_all(service: Service) -> dict[str, list[str]]:
    return maintenance.scrub_all(service, pushes)
