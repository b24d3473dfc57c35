"""`manage.py make_books N`: made-up books into the catalog, to try a store with a full shelf."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.nodes.ticking import Ticker
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from catalog_app.importing.batches import Patience
from catalog_app.importing.interruption import Interruption
from catalog_app.making.maker import books_made, make_batch
from catalog_app.making.rules import MOST_BOOKS, MOST_SEEDS
from catalog_app.management.commands.import_books import BATCH_SIZE, EXIT_BY_SIGNAL, MOST_PER_BATCH

TELL_EVERY_S = 2.0


class Command(BaseCommand):
    help = (
        "Fills the catalog up to N made-up books, the same ones for the same seed. Interrupted or killed, it goes on "
        "where it was when it is started again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int, metavar="N", help=f"books of this seed, 1 to {MOST_BOOKS:,}")
        parser.add_argument(
            "--seed", type=int, default=0, help=f"which books: 0 (the default) to {MOST_SEEDS - 1}, all different"
        )
        parser.add_argument(
            "--batch-size", type=int, default=BATCH_SIZE, help=f"books per transaction (default: {BATCH_SIZE})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        number, seed, size = options["number"], options["seed"], options["batch_size"]
        if not 1 <= number <= MOST_BOOKS:
            raise CommandError(f"N is a number of books, from 1 to {MOST_BOOKS:,}.")
        if not 0 <= seed < MOST_SEEDS:
            raise CommandError(f"--seed is a number from 0 to {MOST_SEEDS - 1}.")
        if not 1 <= size <= MOST_PER_BATCH:
            raise CommandError(f"--batch-size is a number from 1 to {MOST_PER_BATCH}.")
        if not get_service(topology.CATALOG).witness_file.exists():
            raise CommandError(f"There is no store in {topology.DATA} yet: run `manage.py migrate` first.")
        self.is_quiet = options["verbosity"] < 1
        try:
            made = books_made(seed)
        except Unavailable as error:
            raise CommandError(f"{error.detail} Nothing was made.") from error
        if made >= number:
            self.say(f"{made:,} books of seed {seed} were made already: nothing to do.")
            return
        if made:
            self.say(f"{made:,} books of seed {seed} were made already: going on with number {made + 1:,}.")
        self.make(seed, made, number, size)

    def make(self, seed: int, before: int, number: int, size: int) -> None:
        self.made, self.began = before, time.monotonic()
        told_at = self.began
        with Interruption() as interruption, Ticker(self.say) as ticker:
            ticker.doing("making books", lambda: f"{self.made:,} of {number:,}")
            patience = Patience(tell=self.say, pause=interruption.pause)
            try:
                while self.made < number:
                    interruption.check()
                    self.made = make_batch(seed, number, size, patience)
                    if (now := time.monotonic()) - told_at >= TELL_EVERY_S and self.made < number:
                        told_at = now
                        self.say(f"{self.made / number:4.0%}  {self.told(before, number)}")
                        ticker.heard()
            except KeyboardInterrupt:
                self.stderr.write(f"Interrupted. {self.how_far()}")
                raise SystemExit(EXIT_BY_SIGNAL + interruption.signal_number) from None
            except (Unavailable, OutcomeUnknown) as error:
                raise CommandError(f"{error.detail} {self.how_far()}") from error
        self.say(f"Done: {self.told(before, number)}.")

    def told(self, before: int, number: int) -> str:
        seconds = max(time.monotonic() - self.began, 0.001)
        return f"{self.made:,} of {number:,} books, {(self.made - before) / seconds:,.0f} books/s"

    def how_far(self) -> str:
        return f"{self.made:,} books are in for certain; repeat the command to go on."

    def say(self, text: str) -> None:
        if not self.is_quiet:
            self.stdout.write(text)
            self.stdout.flush()
