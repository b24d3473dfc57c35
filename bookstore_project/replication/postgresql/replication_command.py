"""`manage.py replication` on a server: what there is to see, and whose business the rest is."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Caches
from bookstore_project.replication.postgresql import compaction
from bookstore_project.replication.postgresql.status import lines_of, status
from bookstore_project.replication.service import Service, get_service

ELSEWHERE = {
    "repair": "A standby catches up by itself. One that can't is made anew: `pg_rewind` or `pg_basebackup`, or "
    "`patronictl reinit` where Patroni runs the servers.",
    "scrub": "Rows and indexes are checked by `pg_amcheck`, and files by `pg_checksums` of a stopped server.",
    "quarantine": "No file of a service is put aside: the server has them all.",
    "promote": "A standby is promoted by `patronictl failover` where Patroni runs the servers, else by `pg_ctl "
    "promote`: docs/runbook.md says what may be lost.",
    "adopt": "There is one history, that of the primary: nothing has to be adopted.",
    "discard": "A standby is thrown away and made anew by `patronictl reinit`, else by `pg_basebackup`.",
}
"""What there is to decide about two files, and who does it about servers."""


class Command(BaseCommand):
    help = "Shows how each service stands, and shortens its log. For the rest there are the server's tools."

    def __init__(self, caches: Caches) -> None:
        super().__init__()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        shown = actions.add_parser("status", help="logs and standbys; exit status 1 if one is amiss")
        shown.add_argument("--json", action="store_true", help="for programs")
        actions.add_parser("compact", help="drops old log entries")
        for action in actions.choices.values():
            action.add_argument("--service", choices=list(replication_settings.services), help="only this one")
        for name in ELSEWHERE:
            refused = actions.add_parser(name, help="not here: says whose business it is")
            refused.add_argument("--service")
            refused.add_argument("--yes", action="store_true")
            refused.add_argument("rest", nargs="*")

    def handle(self, *args: Any, action: str, service: str | None = None, **options: Any) -> None:
        if action in ELSEWHERE:
            raise CommandError(f"A PostgreSQL server has the rows. {ELSEWHERE[action]}")
        services = [get_service(name) for name in ([service] if service else replication_settings.services)]
        if action == "status":
            self.show(services, as_json=options["json"])
            return
        for each in services:
            self.stdout.write(f"{each.name}: {compact_all(each)} old log entries dropped.")

    def show(self, services: list[Service], *, as_json: bool) -> None:
        found = list(map(status, services))
        if as_json:
            self.stdout.write(json.dumps([asdict(each) for each in found], indent=2))
        else:
            for line in (line for each in found for line in lines_of(each)):
                self.stdout.write(line)
        if bad := [each.service for each in found if each.problem]:
            raise CommandError(f"Not as it should be: {', '.join(bad)}.")


def compact_all(service: Service) -> int:
    """How many were dropped. Raises CommandError."""
    dropped = 0
    try:
        while batch := compaction.compact(service):
            dropped += batch
    except Unavailable as error:
        raise CommandError(error.detail) from error
    return dropped
