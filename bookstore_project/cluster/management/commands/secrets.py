"""`manage.py secrets`: whether the store has the secrets that its data was made with, and what to do if it hasn't."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project import files
from bookstore_project.cluster import secrets_on_record
from bookstore_project.cluster.stopped import StoreRuns, stopped_store
from bookstore_project.replication import confirmation
from bookstore_project.replication.errors import Unavailable
from bookstore_project.settings import secret_files
from bookstore_project.settings.secret_files import SECRET_KEY, SECRETS, Secret

COST = {
    SECRET_KEY.name: (
        "Order ids follow from the secret key: a purchase that a client repeats under an idempotency key of before "
        "is not known any more, and is bought again. Sessions end, and a shared cache begins anew."
    )
}


class Command(BaseCommand):
    help = (
        "Says whether the secrets are those that the store's data was made with; exit status 1 if not. Of a stopped "
        "store, `renew` replaces a secret that is lost or known to others, and `accept` takes the one that is there. "
        "Both say first what that costs, and ask."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", choices=("status", "renew", "accept"), default="status")
        parser.add_argument("name", nargs="?", choices=[secret.name for secret in SECRETS])
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *args: Any, action: str, name: str | None, yes: bool, **options: Any) -> None:
        if action == "status":
            self.tell()
            return
        if name is None:
            raise CommandError(f"Which one? {', '.join(secret.name for secret in SECRETS)}.")
        (secret,) = (each for each in SECRETS if each.name == name)
        try:
            with stopped_store():
                self.change(action, secret, is_sure=yes)
        except (StoreRuns, OSError, secret_files.Unusable) as error:
            raise CommandError(str(error)) from error
        except Unavailable as error:
            raise CommandError(error.detail) from error

    def tell(self) -> None:
        problems = secrets_on_record.problems()
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError("Not every secret can be used.")
        self.stdout.write("The secrets are those that this store's data was made with.")

    def change(self, action: str, secret: Secret, *, is_sure: bool) -> None:
        self.stdout.write(COST.get(secret.name, "Nothing that lasts follows from it."))
        confirmation.confirm("Go on?", is_sure=is_sure, output=self.stdout)
        if action == "renew":
            if secret.path.exists() or secret.path.is_symlink():
                self.stdout.write(f"The former one is kept as {files.put_aside(secret.path)}.")
            secret_files.make(secret)
        secrets_on_record.accept(secret)
        self.stdout.write(f"{secret.path} counts from now on.")
