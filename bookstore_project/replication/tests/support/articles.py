"""Changes of an article, and what reads, files and the witness say of it."""

from django.db.models import F

from bookstore_project.replication import reads
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import Witness, read_witness
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.tests.support.replica_files import rows
from bookstore_project.replication.transaction import run

SHELF = get_service("shelf")
REPRICE = {"price": 5, "title": "New", "version": F("version") + 1}


def reprice(article_id: int = 1) -> int:
    return run("shelf", lambda: Article.objects.filter(pk=article_id).update(**REPRICE)).position


def raise_price(article_id: int = 1) -> int:
    """By one; returns the position."""
    change = {"price": F("price") + 1, "version": F("version") + 1}
    return run("shelf", lambda: Article.objects.filter(pk=article_id).update(**change)).position


def price_of(article_id: int, alias: str, keys: tuple[str, ...] = ()) -> tuple[str, int]:
    """The price as a gated read shows it, and the position that it was read at."""
    with reads.reading("shelf", alias=alias, keys=keys) as snapshot:
        return str(Article.objects.get(pk=article_id).price), snapshot.position


def stock(alias: str, article_id: int = 1) -> int:
    """As the file itself says."""
    ((quantity,),) = rows(alias, f"SELECT quantity FROM shelf_article WHERE id = {article_id}")
    assert isinstance(quantity, int)
    return quantity


def witness() -> Witness:
    """The shelf's, as it stands."""
    return read_witness(SHELF.witness_file)
