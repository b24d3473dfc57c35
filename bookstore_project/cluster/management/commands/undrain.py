"""`manage.py undrain NODE`: a drained replica takes its turns again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api import problems
from bookstore_project.cluster.drain_command import replica_named
from bookstore_project.nodes import drains


class Command(BaseCommand):
    help = "Gives a drained replica requests again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("node", help="a replica, for example catalog-2")

    def handle(self, *args: Any, node: str, **options: Any) -> None:
        replica = replica_named(node)
        was_drained = drains.is_marked(replica)
        try:
            drains.undrain(replica)
        except problems.StoreError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{node} takes its turns again." if was_drained else f"{node} wasn't drained.")
