"""`manage.py drain NODE`: no new requests for a node, until `undrain NODE`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api import problems
from bookstore_project.cluster import drain_command
from bookstore_project.cluster.drain_command import current_user, is_answering
from bookstore_project.nodes import drains
from bookstore_project.settings import topology
from bookstore_project.settings.topology import Node


class Command(BaseCommand):
    help = "Gives a node no new requests until `undrain`. It finishes its requests, and still replicates."

    def add_arguments(self, parser: CommandParser) -> None:
        drain_command.add_whom(parser)
        parser.add_argument("--force", action="store_true", help="also if no other node of its kind answers")

    def handle(self, *args: Any, node: str, this_host: bool, force: bool, **options: Any) -> None:
        for each in drain_command.whom(node, is_this_host=this_host):
            self._drain(each, is_forced=force)

    def _drain(self, node: Node, *, is_forced: bool) -> None:
        if not is_forced and not any(map(is_answering, topology.replicas(node.service))):
            raise CommandError(
                f"No {drains.kind(node)} answers: is the store running? Nothing was changed; "
                f"with --force, {node.name} is drained when it begins."
            )
        try:
            drains.drain(node, by=current_user(), is_answering=is_answering, is_forced=is_forced)
        except problems.StoreError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{node.name} is drained: within a second it gets no new requests{_from(node)}.")


def _from(node: Node) -> str:
    return ", if another front is ready" if node.service == topology.FRONT else ", from any front"
