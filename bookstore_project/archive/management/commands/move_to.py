"""`manage.py move_to URL`: carries a running store of two files over to a PostgreSQL server."""

import os
import sqlite3
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api.problems import StoreError
from bookstore_project.archive.management.progress import Progress
from bookstore_project.archive.moving import CannotMove, Move
from bookstore_project.nodes.ticking import at_work
from bookstore_project.replication.engine import copies
from bookstore_project.replication.errors import ReplicaFault
from bookstore_project.settings import topology


class Command(BaseCommand):
    help = (
        "Copies all rows to a PostgreSQL server while the store sells, compares them, holds sales for the switch, "
        "and has the files refuse from then on. Killed, it is to be repeated: it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "url", help="postgresql://USER@HOST,HOST/ of a server with no store, or one that nobody has used"
        )

    def handle(self, *args: Any, url: str, **options: Any) -> None:
        os.umask(0o077)
        databases = [*copies.files().values(), topology.database_file(topology.ACCOUNTS)]
        try:
            with at_work(self.stderr, "Moving the store", databases) as ticker:
                has_moved = Move(url, self.stdout.write, Progress(self.stderr, ticker)).run()
        except StoreError as error:
            raise CommandError(f"The store hasn't moved: {error.detail}") from error
        except (CannotMove, ReplicaFault, ImproperlyConfigured, sqlite3.Error, OSError) as error:
            raise CommandError(f"The store hasn't moved: {error}") from error
        told = "The store has moved." if has_moved else "The store has moved already: nothing was to be done."
        self.stdout.write(f"{told} Stop it here, and start it with BOOKSTORE_DATABASE_URL={url}")
