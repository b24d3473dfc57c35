"""Django's `dbshell`, which opens a node's own database, for reading."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import dbshell
from django.db import DEFAULT_DB_ALIAS

from bookstore_project.settings import topology


class Command(dbshell.Command):
    help = (
        "Opens the sqlite3 shell on the database of BOOKSTORE_NODE, or on the accounts. A replica's database is "
        "opened for reading, unless --write is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--write", action="store_true", help="allow changes to a replica's database")
        parser.set_defaults(database=default_alias())

    def handle(self, **options: Any) -> None:
        if options["database"] != topology.ACCOUNTS:
            if options["write"]:
                self.stderr.write("Changes made here bypass replication: the other copy will not have them.")
            else:
                self.stderr.write("Opened for reading: changes made here would bypass replication (--write).")
                options["parameters"] = ["-readonly", *options["parameters"]]
        super().handle(**options)


def default_alias() -> str:
    """The current node's database if it has one, else the accounts."""
    node = topology.NODE
    return node.name if node and node.service in topology.SERVICES else DEFAULT_DB_ALIAS
