"""`manage.py audit`: whether ledger and orders agree."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookstore_project.api.problems import StoreError
from bookstore_project.archive.audit import audit, lines
from bookstore_project.cluster import secrets_on_record
from bookstore_project.replication import reads
from bookstore_project.settings import topology

GRACE_S = 30.0


class Command(BaseCommand):
    help = (
        "Checks that every order has its sale and says what that does, every sale its order, every cancellation its "
        "return, every order the state of its history, every stock its ledger, and that the secrets are those of the "
        "data. Exit status 1 if not."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # The orders first: each of them has its sale in a later snapshot of the catalog.
            with reads.reading(topology.ORDER) as order, reads.reading(topology.CATALOG) as catalog:
                found = audit(reads.rows(catalog), reads.rows(order), grace_s=GRACE_S)
        except StoreError as error:
            raise CommandError(error.detail) from error
        problems = secrets_on_record.problems()
        for line in (*lines(found), *problems):
            self.stdout.write(line)
        if problems:
            raise CommandError("A secret isn't what this store's data was made with, or that can't be told.")
        if not found.is_clean:
            raise CommandError("Ledger and orders don't agree.")
        self.stdout.write("Ledger and orders agree.")
