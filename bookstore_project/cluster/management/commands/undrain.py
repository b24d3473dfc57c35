"""`manage.py undrain NODE`: a drained node takes its turns again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api import problems
from bookstore_project.cluster import drain_command
from bookstore_project.nodes import drains


class Command(BaseCommand):
    help = "Gives a drained node requests again."

    def add_arguments(self, parser: CommandParser) -> None:
        drain_command.add_whom(parser)

    def handle(self, *args: Any, node: str, this_host: bool, **options: Any) -> None:
        for each in drain_command.whom(node, is_this_host=this_host):
            try:
                was_drained = drains.is_marked(each)
                drains.undrain(each)
            except problems.StoreError as error:
                raise CommandError(error.detail) from error
            self.stdout.write(
                f"{each.name} takes its turns again." if was_drained else f"{each.name} wasn't drained."
            )
