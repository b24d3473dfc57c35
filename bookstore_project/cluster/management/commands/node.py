"""`manage.py node stop catalog-1`: what the supervisor is to do with a node."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api import problems
from bookstore_project.nodes import supervisor_client
from bookstore_project.settings import topology


class Command(BaseCommand):
    help = (
        "Has the running store stop, start, kill (-9), pause or continue a node. A stopped node stays stopped until "
        "it is started. A killed node is started again at once."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=supervisor_client.COMMANDS)
        parser.add_argument("name", choices=list(topology.NODES), help="the node's name")

    def handle(self, *args: Any, action: str, name: str, **options: Any) -> None:
        try:
            self.stdout.write(supervisor_client.order(action, name, by="manage.py"))
        except problems.StoreError as error:
            raise CommandError(error.detail) from None
