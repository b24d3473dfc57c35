"""The periodic restock that the course asks for: every so often, fill up what has run low."""

from django.conf import settings

from bookstore_project.nodes import background
from bookstore_project.replication import origin
from bookstore_project.replication.engine import engine
from bookstore_project.replication.service import get_service
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.models import Book
from catalog_app.services import add_copies

BATCH = 200
ACTOR = "restock"
"""Who did it, in the ledger and the history."""
_role = engine.role(get_service(topology.CATALOG), "restock")
"""Of the two catalog replicas one restocks."""


def register() -> None:
    """Where BOOKSTORE_RESTOCK_EVERY_S says how often; off by default."""
    if settings.RESTOCK_EVERY_S > 0:
        task = background.Task("restock", restock_if_chosen, settings.RESTOCK_EVERY_S)
        background.register(topology.CATALOG, task)


def restock_if_chosen() -> None:
    if _role.is_mine():
        restock_to(settings.RESTOCK_LEVEL)


def restock_to(level: int) -> int:
    """Fills every book on sale up to `level` copies, in batches; how many books needed it."""
    filled = 0
    with origin.made_by(ACTOR, way=origin.STORE):
        while count := run(topology.CATALOG, lambda: _restock_batch(level)).value:
            filled += count
    return filled


def _restock_batch(level: int) -> int:
    low = list(Book.objects.on_sale().filter(quantity__lt=level)[:BATCH])
    for book in low:
        add_copies(book, level - book.quantity, ACTOR)
    return len(low)
