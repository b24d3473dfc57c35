"""`manage.py prepare`: everything that the nodes need before they start."""

import os
from typing import Any

from django.core.management.base import BaseCommand

from bookstore_project.cluster import preparation


class Command(BaseCommand):
    help = (
        "Makes the data folder, migrates every database, loads the course's books and creates the staff account. "
        "You may repeat it, and interrupt it. `cluster` does it by itself."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        preparation.prepare(self.stdout.write)
