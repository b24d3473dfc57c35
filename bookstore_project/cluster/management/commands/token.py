"""`manage.py token USER`: the key for `Authorization: Token <key>`."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.authtoken.models import Token


class Command(BaseCommand):
    help = "Prints the API token of a user, and makes it the first time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="user name, for example staff")

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        users = get_user_model().objects
        account = users.filter(username=user).first()
        if account is None:
            names = ", ".join(users.order_by("username").values_list("username", flat=True)[:20])
            known = f"There are: {names}." if names else "There is none yet."
            raise CommandError(f"No user {user!r}. {known} `manage.py createsuperuser` makes one.")
        token, _ = Token.objects.get_or_create(user=account)
        self.stdout.write(token.key)
