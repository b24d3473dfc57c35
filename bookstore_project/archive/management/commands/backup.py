"""`manage.py backup PATH`: a verified snapshot of the running store."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api.problems import StoreError
from bookstore_project.archive.backup import CannotBackUp, backup
from bookstore_project.archive.management.progress import Progress
from bookstore_project.nodes.ticking import at_work
from bookstore_project.replication.engine import copies
from bookstore_project.settings import topology


def databases() -> list[Path]:
    return [*copies.files().values(), topology.database_file(topology.ACCOUNTS)]


class Command(BaseCommand):
    help = (
        "Makes a verified backup: a consistent snapshot of both services, the accounts and the secret key. The store "
        "may run or not. Keep the backup where only its owner can read it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a folder that isn't there yet, or a file ….tar")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        os.umask(0o077)
        try:
            with at_work(self.stderr, "Copying and checking the store", databases()) as ticker:
                made = backup(path.absolute(), self.stdout.write, Progress(self.stderr, ticker))
        except StoreError as error:
            raise CommandError(f"No backup was made: {error.detail}") from error
        except (CannotBackUp, OSError) as error:
            raise CommandError(f"No backup was made: {error}") from error
        for name, content in made.services.items():
            rows = ", ".join(f"{count} {table}" for table, count in content.rows.items() if count)
            self.stdout.write(f"{name}: up to position {content.position}; {rows}")
        self.stdout.write(f"{path}: {sum(each.size_bytes for each in made.files.values()):,} bytes")
