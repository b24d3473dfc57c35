"""`manage.py replication`: what an operator can see, set going, and decide."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.nodes.ticking import Ticker, at_work
from bookstore_project.replication import confirmation
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import ADVICE, Unavailable
from bookstore_project.replication.folder_locks import try_lock
from bookstore_project.replication.interface import MAINTENANCE, Caches
from bookstore_project.replication.progress import Noted
from bookstore_project.replication.service import Service, get_service
from bookstore_project.replication.sqlite_pair.files import scrub
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness
from bookstore_project.replication.sqlite_pair.operator import execution, planning, quarantine, report
from bookstore_project.replication.sqlite_pair.operator.status import ServiceStatus, status
from bookstore_project.replication.sqlite_pair.repair import compaction, rejoin
from bookstore_project.replication.sqlite_pair.repair.maintenance import Maintenance, scrub_all
from bookstore_project.replication.sqlite_pair.repair.review import Review

ALIASES = list(replication_settings.service_of_alias)


class Command(BaseCommand):
    is_telling = False
    ticker: Ticker
    help = "Shows, repairs or checks the two copies of each service. Decides which counts if the files can't tell."

    def __init__(self, caches: Caches) -> None:
        super().__init__()
        self.caches = caches

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        shown = actions.add_parser(
            "status", help="which copies are in sync, how far they are, and why one is out; exit status 1 if one is"
        )
        shown.add_argument("--json", action="store_true", help="for programs")
        actions.add_parser("repair", help="brings back what is out of sync, and shows how far it is")
        actions.add_parser("compact", help="drops old log entries, and gives free pages back")
        actions.add_parser("scrub", help="reads every file whole; evicts and repairs one that is damaged")
        aside = actions.add_parser(
            "quarantine", help="files that were put aside: what is in them that the copy in sync lacks; removes them"
        )
        aside.add_argument("--remove", nargs="+", metavar="FILE", default=[], help="as they are listed, or `all`")
        aside.add_argument("--yes", action="store_true", help="don't ask")
        for action in actions.choices.values():
            action.add_argument("--service", choices=list(replication_settings.services), help="only this one")
        promote = actions.add_parser(
            "promote",
            help="the history of a copy that is out of sync counts from now on: the last one in sync is gone",
        )
        adopt = actions.add_parser(
            "adopt",
            help="takes both files as they lie, if they have one history: the witness is lost, or knows others",
        )
        discard = actions.add_parser("discard", help="throws a copy away; it is rebuilt from the other")
        adopt.add_argument("--service", choices=list(replication_settings.services), required=True)
        for action in (promote, discard):
            action.add_argument("alias", choices=ALIASES)
        for action in (promote, adopt, discard):
            action.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *args: Any, action: str, service: str | None = None, **options: Any) -> None:
        services = [get_service(name) for name in ([service] if service else replication_settings.services)]
        try:
            if action == "status":
                self.show([status(each) for each in services], as_json=options["json"])
            elif action == "repair":
                with self.at_work("Comparing and repairing", services):
                    for each in services:
                        self.repair(each)
            elif action == "compact":
                with self.at_work("Compacting", services):
                    for each in services:
                        self.compact(each)
            elif action == "scrub":
                with self.at_work("Reading every row", services):
                    self.scrub(services)
            elif action == "quarantine":
                self.show_quarantined(services, options["remove"], is_sure=options["yes"])
            else:
                self.decide(action, service, options)
        except Unavailable as error:
            raise CommandError(error.detail) from error
        except (planning.Refused, OSError) as error:
            raise CommandError(str(error)) from error

    @contextmanager
    def at_work(self, what: str, services: Iterable[Service]) -> Iterator[None]:
        files = [replication_settings.files[alias] for service in services for alias in service.aliases]
        with at_work(self.stderr, what, files) as self.ticker:
            yield

    def show(self, found: list[ServiceStatus], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([each.as_dict() for each in found], indent=2))
        else:
            for each in found:
                for line in report.status_lines(each):
                    self.stdout.write(line)
        if bad := [each.service for each in found if not each.is_whole]:
            raise CommandError(f"Not in sync: {', '.join(bad)}.")

    def repair(self, service: Service) -> None:
        with the_only_repairer(service):
            Maintenance(service, self.caches).evict_faulty()
            noted = Noted(service.name, self.tell_progress)
            try:
                repaired = rejoin.repair(service, noted)
            finally:
                noted.clear()
        for each in repaired:
            self.say(str(each))
        if not repaired:
            self.say(f"{service.name}: both copies are in sync.")

    def compact(self, service: Service) -> None:
        with the_only_repairer(service):
            dropped = compaction.compact(service, self.tell_progress)
            replaced = compaction.vacuum(service, self.tell_progress, least_bytes=0)
        self.say(f"{service.name}: {dropped} old log entries dropped.")
        for each in replaced:
            self.say(str(each))

    def tell_progress(self, what: str, part: float) -> None:
        """On a line of its own, over and over; the next message begins another."""
        self.stderr.write(f"\r{what}: {part:4.0%} ", ending="")
        self.stderr.flush()
        self.is_telling = True
        self.ticker.heard()

    def say(self, text: str) -> None:
        if self.is_telling:
            self.stderr.write("")
        self.is_telling = False
        self.stdout.write(text)

    def scrub(self, services: list[Service]) -> None:
        damaged = False
        for service in services:
            for alias, findings in scrub_all(service, self.caches, self.tell_progress).items():
                self.say(f"{alias}: {'sound' if not findings else 'DAMAGED'}")
                for finding in findings:
                    self.say(f"  {finding}")
                if len(findings) == scrub.MOST_FINDINGS:
                    self.say("  ... and perhaps more")
                damaged |= bool(findings)
        if damaged:
            for service in services:
                Maintenance(service, self.caches).scrub()  # Evicts; a running store repairs by itself.
            raise CommandError("A damaged copy was taken out of sync; `manage.py replication repair` rebuilds it.")
        if suspected := [alias for service in services for alias in self.check_suspects(service)]:
            raise CommandError(f"Still suspected: {', '.join(suspected)}. {ADVICE}")

    def check_suspects(self, service: Service) -> list[str]:
        """The aliases that are suspected still, after all of them were checked."""
        found = Review(service, self.tell_progress).clear(is_thorough=True)
        for alias, findings in found.items():
            self.say(f"{alias}: {'sound, and not suspected any more' if not findings else 'SUSPECTED'}")
            for finding in findings:
                self.say(f"  {finding}")
        return sorted(read_witness(service.witness_file).suspects)

    def show_quarantined(self, services: list[Service], chosen: list[str], *, is_sure: bool) -> None:
        found = [
            (each, file) for each in services for alias in each.aliases for file in quarantine.quarantined(alias)
        ]
        names = {file.name for _, file in found}
        if unknown := set(chosen) - names - {"all"}:
            raise CommandError(f"There is no such file: {', '.join(sorted(unknown))}. Nothing was removed.")
        files = [(each, file) for each, file in found if not chosen or file.name in chosen or "all" in chosen]
        for service, file in files:
            for line in report.quarantined_lines(file, quarantine.inspect(service, file)):
                self.say(line)
        if not files:
            self.say("No file was put aside.")
        elif chosen:
            confirmation.confirm(f"Remove {len(files)} of them for good?", is_sure=is_sure, output=self.stdout)
            for _, file in files:
                quarantine.remove(file)
            self.say(f"{len(files)} removed.")

    def decide(self, action: str, service: str | None, options: dict[str, Any]) -> None:
        """Says what it would cost, asks, and does it."""
        if action == "adopt":
            name, plan = service or "", planning.adopt
        else:
            name = replication_settings.service_of_alias[options["alias"]]
            plan = partial(getattr(planning, action), alias=options["alias"])
        with self.at_work("Reading both files", [get_service(name)]):
            state = planning.inspect(get_service(name))
        for line in report.state_lines(state):
            self.stdout.write(line)
        decision = plan(state)
        for line in report.decision_lines(decision, planning.consequences(decision)):
            self.stdout.write(line)
        confirmation.confirm("Go on?", is_sure=options["yes"], output=self.stdout)
        witness = execution.carry_out(decision, plan)
        self.stdout.write(
            f"Done: {', '.join(witness.in_sync)} in sync, at position {witness.floor}, timeline {witness.timeline}."
        )
        if len(witness.in_sync) < len(decision.service.aliases):
            self.stdout.write("A running store rebuilds the other by itself, else `manage.py replication repair`.")


@contextmanager
def the_only_repairer(service: Service) -> Iterator[None]:
    """A running store's maintenance repairs by itself, and better not twice at once."""
    with try_lock(service.lock_dir / MAINTENANCE) as is_mine:
        if not is_mine:
            raise CommandError(f"The running store repairs {service.name} by itself: see `replication status`.")
        yield
