"""`manage.py drain NODE`: no new requests for a replica, from any front, until `undrain NODE`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api import problems
from bookstore_project.cluster.drain_command import current_user, is_answering, replica_named
from bookstore_project.nodes import drains
from bookstore_project.settings import topology


class Command(BaseCommand):
    help = "Gives a replica no new requests until `undrain`. It finishes its requests, and still replicates."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("node", help="a replica, for example catalog-2")
        parser.add_argument("--force", action="store_true", help="also if no other replica of its service answers")

    def handle(self, *args: Any, node: str, force: bool, **options: Any) -> None:
        replica = replica_named(node)
        if not force and not any(map(is_answering, topology.replicas(replica.service))):
            raise CommandError(
                f"No {replica.service} replica answers: is the store running? Nothing was changed; "
                f"with --force, {node} is drained when it begins."
            )
        try:
            drains.drain(replica, by=current_user(), is_answering=is_answering, is_forced=force)
        except problems.StoreError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{node} is drained: within a second it gets no new requests, from any front.")
