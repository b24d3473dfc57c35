"""`manage.py trace ID`: what all nodes' logs say about one request, or one order."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api.request_id import is_acceptable
from bookstore_project.cluster import tracing
from bookstore_project.settings import topology


class Command(BaseCommand):
    help = "Prints the lines of one request from the logs of all nodes, in order of time."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="a request's id (the header X-Request-Id of its answer), or an order's")

    def handle(self, *args: Any, id: str, **options: Any) -> None:
        if not is_acceptable(id):
            raise CommandError(f"{id!r} is no request id: those have up to 128 letters, digits and any of . _ : -")
        try:
            lines = tracing.trace(topology.LOG_DIR, id)
        except OSError as error:
            raise CommandError(f"A log can't be read: {error}") from error
        if not lines:
            raise CommandError(
                f"No log in {topology.LOG_DIR} has a line of {id}. Each node keeps its newest lines only, and of a "
                "flood of cache hits some."
            )
        for line in lines:
            self.stdout.write(str(line))
