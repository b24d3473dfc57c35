"""Two files that don't hold the same any more, and what an operator says to it."""

from io import StringIO

from django.core.management import call_command

from bookstore_project.replication.log import entries
from bookstore_project.replication.tests.shelf.services import restock
from bookstore_project.replication.tests.support.replica_files import held, opened


def leave_behind(alias: str, times: int = 1) -> None:
    """Puts the file out while the other goes on: a lock that another program holds for longer than a writer waits."""
    with held(alias):
        for _ in range(times):
            restock()


def append_another_entry(alias: str) -> None:
    """What a writer of another history would have written."""
    with opened(alias) as connection:
        entry = entries.make_entry(entries.read_head(connection), 7, [], ["another"])
        entries.append(connection, entry)


def decide(*words: str, yes: bool = True) -> str:
    """What `manage.py replication` says and does."""
    output = StringIO()
    call_command("replication", *words, *(["--yes"] if yes else []), stdout=output, stderr=StringIO())
    return output.getvalue()
