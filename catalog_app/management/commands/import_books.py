"""`manage.py import_books FILE`: books out of a CSV file or a workbook into the catalog, through replication."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology
from catalog_app.importing import rejects
from catalog_app.importing.columns import choose_columns, describe_columns, named_in, read_wishes
from catalog_app.importing.errors import ImportRefused, Remedy
from catalog_app.importing.importer import Importer, TakesRejects, Write, into_store
from catalog_app.importing.interruption import Interruption
from catalog_app.importing.preview import Preview, by_line, describe, preview_of, previewing
from catalog_app.importing.progress import Progress, Totals, remarks, summary
from catalog_app.importing.rows import Defaults, RowParser, make_defaults
from catalog_app.importing.source import Source, open_source
from catalog_app.importing.synonyms import SYNONYMS

BATCH_SIZE = 400
MOST_PER_BATCH = 2000
"""A batch holds the writer lock, and purchases wait for it."""
EXIT_BY_SIGNAL = 128
FIRST = 20
"""Rows that are told of each kind, when they are in."""
REMEDIES = {
    Remedy.COLUMNS: "Say which it is with --map FIELD=COLUMN (or FIELD=#3 for the third), or --map FIELD= for none.",
    Remedy.ENCODING: "Say which encoding it is with --encoding, such as cp1252 or utf-16.",
    Remedy.SHEET: "Say which sheet is meant with --sheet NAME.",
    Remedy.SIZE: "Or save the table as CSV.",
}
"""The options that help."""


class Command(BaseCommand):
    help = (
        "Imports books from a CSV file or an Excel workbook. A repeat makes no duplicates, and an interruption does "
        "no harm. --preview says first what would be done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV file (commas, semicolons, tabs, bars …) or an .xlsx")
        parser.add_argument(
            "--preview",
            "--dry-run",
            action="store_true",
            help="say what would be added, changed, left alone and rejected, and write nothing",
        )
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
        parser.add_argument(
            "--encoding", default="", help="of a text (default: found out: UTF-8 or UTF-16, with or without BOM)"
        )
        parser.add_argument("--sheet", default="", metavar="NAME", help="of a workbook with several")
        parser.add_argument(
            "--rejects", type=Path, metavar="FILE", help="rejected rows go there (default: FILE.rejected.csv)"
        )
        parser.add_argument("--strict-isbn", action="store_true", help="reject rows with an unsound ISBN")
        parser.add_argument(
            "--update",
            action="store_true",
            help="set title, authors, topic and price of books that are there already, and an ISBN that they lack; "
            "never their stock",
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
            wishes = read_wishes(options["map"], options["topic_column"])
            path = None if options["preview"] else rejects.choose_path(options["file"], options["rejects"])
            with open_source(
                options["file"], options["encoding"], sheet=options["sheet"], wished=named_in(wishes)
            ) as opened:
                source = rejects.without_own_columns(opened)
                parser = self.make_parser(source, wishes, defaults, options)
                if path is None:
                    self.preview(source, parser, options)
                else:
                    self.import_source(source, parser, path, options)
        except ImportRefused as error:
            raise CommandError(f"{error} {REMEDIES.get(error.remedy, '')}".rstrip()) from error

    def make_parser(
        self, source: Source, wishes: dict[str, str], defaults: Defaults, options: dict[str, Any]
    ) -> RowParser:
        """Says what will be read from where."""
        columns = choose_columns(source.header, wishes, defaults.wished)
        if options["verbosity"] > 0:
            told = [describe_columns(source, columns, defaults), source.description]
            self.stdout.write("\n".join(filter(None, told)))
            self.stdout.flush()
        return RowParser(columns, source.header, defaults, strict_isbn=options["strict_isbn"])

    def make_importer(
        self,
        source: Source,
        parser: RowParser,
        rejected: TakesRejects,
        interruption: Interruption,
        options: dict[str, Any],
        write: Write | None = None,
    ) -> Importer:
        done = "would be added" if write else "imported"
        progress = Progress(self.stdout, is_quiet=options["verbosity"] < 1, done=done)
        return Importer(
            source=source,
            parser=parser,
            rejects=rejected,
            progress=progress,
            interruption=interruption,
            batch_size=options["batch_size"],
            write=write or into_store(progress, interruption, update=options["update"]),
        )

    def preview(self, source: Source, parser: RowParser, options: dict[str, Any]) -> None:
        preview = Preview()
        with Interruption() as interruption:
            write = previewing(preview, update=options["update"])
            importer = self.make_importer(source, parser, preview, interruption, options, write)
            try:
                preview_of(importer, preview)
            except KeyboardInterrupt:
                importer.progress.clear()
                raise SystemExit(EXIT_BY_SIGNAL + interruption.signal_number) from None
            except Unavailable as error:
                importer.progress.clear()
                raise CommandError(f"{error.detail} Nothing was written.") from error
        importer.progress.clear()
        counted = f"{preview.totals.rows:,} rows read. Nothing was written."
        for line in (counted, *describe(preview), *remarks(preview.totals)):
            self.stdout.write(line)

    def import_source(self, source: Source, parser: RowParser, path: Path, options: dict[str, Any]) -> None:
        with rejects.Rejects(path, source) as rejected, Interruption() as interruption:
            importer = self.make_importer(source, parser, rejected, interruption, options)
            progress = importer.progress
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
        told = [
            *summary(totals, progress.seconds, str(path)),
            *by_line(importer.notes[:FIRST], totals.noted),
            *by_line(importer.repeats[:FIRST], totals.repeated),
        ]
        for line in told:
            progress.say(line)
        if totals.rows and totals.rejected == totals.rows:
            raise CommandError(f"Every row was rejected; {path} says why.")


def how_far(totals: Totals) -> str:
    """What is in when an import ends before its file does."""
    return (
        f"{totals.imported:,} new books are in for certain, in whole batches; "
        "repeat the command to go on: what is in isn't imported twice."
    )
