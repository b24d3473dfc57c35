"""`manage.py import_books FILE.csv`: books out of a CSV file into the catalog, through replication."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from catalog_app.importing import rejects
from catalog_app.importing.columns import SYNONYMS, choose_columns, describe_columns, read_wishes
from catalog_app.importing.errors import ImportRefused
from catalog_app.importing.importer import Importer
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.progress import Progress, Totals, summary
from catalog_app.importing.rows import Defaults, RowParser, make_defaults
from catalog_app.importing.source import Source, open_source

BATCH_SIZE = 200
MOST_PER_BATCH = 2000
"""A batch holds the writer lock, and purchases wait for it."""
EXIT_BY_SIGNAL = 128


class Command(BaseCommand):
    help = "Imports books from a CSV file. May be repeated without duplicates, and interrupted without harm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV file with a header; commas, semicolons or tabs")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help=f"the column of a field, instead of a guess by its name; repeatable. Fields: {', '.join(SYNONYMS)}",
        )
        parser.add_argument("--topic", help="topic of books for which the file has none (default: general)")
        parser.add_argument("--topic-column", metavar="COLUMN", help="the column of topics, as --map topic=COLUMN")
        parser.add_argument("--price", help="price of books for which the file has none (default: 10.00)")
        parser.add_argument("--stock", help="copies of books for which the file has no quantity (default: 20)")
        parser.add_argument("--encoding", default="", help="of the file (default: utf-8, with or without BOM)")
        parser.add_argument(
            "--rejects", type=Path, metavar="FILE", help="rejected rows go there (default: FILE.rejected.csv)"
        )
        parser.add_argument("--strict-isbn", action="store_true", help="reject rows with an unsound ISBN")
        parser.add_argument(
            "--update",
            action="store_true",
            help="set title, authors, topic and price of books that are there already; never their stock",
        )
        parser.add_argument(
            "--batch-size", type=int, default=BATCH_SIZE, help=f"rows per transaction (default: {BATCH_SIZE})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch_size"] <= MOST_PER_BATCH:
            raise CommandError(f"--batch-size is a number from 1 to {MOST_PER_BATCH}.")
        if not get_service(topology.CATALOG).witness_file.exists():
            raise CommandError(f"There is no store in {topology.DATA} yet: run `manage.py migrate` first.")
        try:
            defaults = make_defaults(options["topic"], options["price"], options["stock"])
            rejects_path = rejects.choose_path(options["file"], options["rejects"])
            with open_source(options["file"], options["encoding"]) as source:
                self.import_source(source, rejects_path, defaults, options)
        except ImportRefused as error:
            raise CommandError(str(error)) from error

    def import_source(self, source: Source, rejects_path: Path, defaults: Defaults, options: dict[str, Any]) -> None:
        columns = choose_columns(source.header, read_wishes(options["map"], options["topic_column"]))
        progress = Progress(self.stdout, is_quiet=options["verbosity"] < 1)
        progress.say(describe_columns(source, columns, defaults))
        with rejects.Rejects(rejects_path, source.header) as rejected, Interruption() as interruption:
            importer = Importer(
                source=source,
                parser=RowParser(columns, len(source.header), defaults, strict_isbn=options["strict_isbn"]),
                rejects=rejected,
                progress=progress,
                interruption=interruption,
                batch_size=options["batch_size"],
                update=options["update"],
            )
            try:
                importer.run()
            except KeyboardInterrupt:
                progress.clear()
                self.stderr.write(f"Interrupted. {how_far(importer.totals)}")
                raise SystemExit(EXIT_BY_SIGNAL + interruption.signal_number) from None
            except (Unavailable, OutcomeUnknown) as error:
                progress.clear()
                raise CommandError(f"{error.detail} {how_far(importer.totals)}") from error
        totals = importer.totals
        for line in summary(totals, progress.seconds, str(rejects_path)):
            progress.say(line)
        if totals.rows and totals.rejected == totals.rows:
            raise CommandError(f"Every row was rejected; {rejects_path} says why.")


def how_far(totals: Totals) -> str:
    """What is in when an import ends before its file does."""
    return (
        f"{totals.imported:,} new books are in for certain, in whole batches; "
        "repeat the command to go on: what is in isn't imported twice."
    )
