"""`manage.py restore PATH`: puts a backup in the place of a stopped store."""

import os
import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.api.problems import StoreError
from bookstore_project.archive import restore, staging
from bookstore_project.archive.manifest import NotABackup
from bookstore_project.cluster.stopped import StoreRuns, stopped_store
from bookstore_project.nodes.ticking import at_work
from bookstore_project.replication import confirmation


class Command(BaseCommand):
    help = "Verifies a backup, says what the present store would lose, and puts the backup in its place."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a folder or a file ….tar that `manage.py backup` made")
        parser.add_argument("--yes", action="store_true", help="don't ask, though something would be lost")

    def handle(self, *args: Any, path: Path, yes: bool, **options: Any) -> None:
        os.umask(0o077)
        try:
            with stopped_store():
                self.restore(path, is_sure=yes)
        except NotABackup as error:
            raise CommandError(f"{path} is not restored. {error}") from error
        except (StoreRuns, OSError) as error:
            raise CommandError(str(error)) from error
        except StoreError as error:
            raise CommandError(error.detail) from error

    def restore(self, path: Path, *, is_sure: bool) -> None:
        try:
            with at_work(self.stderr, "Copying and checking the backup", members_of(path)):
                staged = staging.stage(path.absolute(), restore.staging_folder())
                is_harmless = not self.tell(staged)
            confirmation.confirm("Go on?", is_sure=is_sure or is_harmless, output=self.stdout)
            with at_work(self.stderr, "Putting it in place", members_of(staged.folder)):
                restore.install(staged, self.stdout.write)
        finally:
            shutil.rmtree(restore.staging_folder(), ignore_errors=True)

    def tell(self, staged: staging.Staged) -> list[str]:
        """Gives back what would be lost."""
        self.stdout.write(f"A whole backup of {staged.manifest.created}; ledger and orders agree.")
        for name, content in staged.manifest.services.items():
            self.stdout.write(f"  {name}: up to position {content.position}")
        lost = restore.what_is_lost(staged)
        self.stdout.write("LOST would be, of the present store:" if lost else "The present store would lose nothing.")
        for line in lost:
            self.stdout.write(f"  {line}")
        return lost


def members_of(path: Path) -> list[Path]:
    return list(path.iterdir()) if path.is_dir() else [path]
