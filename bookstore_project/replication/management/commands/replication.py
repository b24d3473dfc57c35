"""`manage.py replication status|repair|compact|scrub`: what an operator can see and set going."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.replication import compaction, repair, scrub
from bookstore_project.replication.caretaker import Caretaker, scrub_all
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.mutex import try_lock
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.status import FileStatus, ServiceStatus, status
from bookstore_project.settings import topology


class Command(BaseCommand):
    is_telling = False
    help = "Shows, repairs or checks the two copies of each service."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        shown = actions.add_parser("status", help="which copies are in sync, how far they are, and why one is out")
        shown.add_argument("--json", action="store_true", help="for programs")
        actions.add_parser("repair", help="brings back what is out of sync, and shows how far it is")
        actions.add_parser("compact", help="drops old log entries, and gives free pages back")
        actions.add_parser("scrub", help="reads every file whole; evicts and repairs one that is damaged")
        for action in actions.choices.values():
            action.add_argument("--service", choices=list(topology.APPS_OF_SERVICE), help="only this one")

    def handle(self, *args: Any, action: str, service: str | None, **options: Any) -> None:
        services = [get_service(name) for name in ([service] if service else topology.APPS_OF_SERVICE)]
        try:
            if action == "status":
                self.show([status(each) for each in services], as_json=options["json"])
            elif action == "repair":
                for each in services:
                    self.repair(each)
            elif action == "compact":
                for each in services:
                    self.compact(each)
            else:
                self.scrub(services)
        except Unavailable as error:
            raise CommandError(error.detail) from error

    def show(self, found: list[ServiceStatus], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([each.as_dict() for each in found], indent=2))
            return
        for each in found:
            self.stdout.write(
                f"{each.service}: settled up to {each.floor}, epoch {each.epoch}, timeline {each.timeline}"
            )
            for file in each.files:
                self.stdout.write(f"  {file.alias:<10} {describe(file)}")

    def repair(self, service: Service) -> None:
        with the_only_repairer(service):
            repaired = repair.repair(service, self.tell_progress)
        for each in repaired:
            self.say(str(each))
        if not repaired:
            self.say(f"{service.name}: both copies are in sync.")

    def compact(self, service: Service) -> None:
        with the_only_repairer(service):
            dropped = compaction.compact(service, self.tell_progress)
            replaced = compaction.give_back(service, self.tell_progress, least_bytes=0)
        self.say(f"{service.name}: {dropped} old log entries dropped.")
        for each in replaced:
            self.say(str(each))

    def tell_progress(self, what: str, part: float) -> None:
        """On a line of its own, over and over; the next message begins another."""
        self.stderr.write(f"\r{what}: {part:4.0%} ", ending="")
        self.is_telling = True

    def say(self, text: str) -> None:
        if self.is_telling:
            self.stderr.write("")
        self.is_telling = False
        self.stdout.write(text)

    def scrub(self, services: list[Service]) -> None:
        damaged = False
        for service in services:
            for alias, findings in scrub_all(service, self.tell_progress).items():
                self.say(f"{alias}: {'sound' if not findings else 'DAMAGED'}")
                for finding in findings:
                    self.say(f"  {finding}")
                if len(findings) == scrub.MOST_FINDINGS:
                    self.say("  ... and perhaps more")
                damaged |= bool(findings)
        if damaged:
            for service in services:
                Caretaker(service).scrub()  # Evicts; a running store repairs by itself.
            raise CommandError("A damaged copy was taken out of sync; `manage.py replication repair` rebuilds it.")


@contextmanager
def the_only_repairer(service: Service) -> Iterator[None]:
    """A running store's caretaker repairs by itself, and better not twice at once."""
    with try_lock(service.lock_dir / "caretaker") as is_mine:
        if not is_mine:
            raise CommandError(f"The running store repairs {service.name} by itself: see `replication status`.")
        yield


def describe(file: FileStatus) -> str:
    """`in sync, at 214` or `OUT since ...: its file is gone`."""
    if file.in_sync:
        return f"in sync, at {file.head}" if not file.fault else f"in sync, but: {file.fault}"
    lag = "" if file.lag is None else f", {file.lag} entries behind"
    return f"OUT since {file.out_since}{lag}: {file.out_because}"
