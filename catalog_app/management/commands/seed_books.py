"""`manage.py seed_books`: the seven books of the course, ids 1 to 7, into an empty catalog."""

from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand

from bookstore_project.replication import origin
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.models import Book
from catalog_app.services import add_book

ACTOR = "first run"
SYSTEMS, SCHOOL, SPRING = "distributed systems", "undergraduate school", "spring term"
SEVEN = (
    ("How to get a good grade in DOS in 40 minutes a day", SYSTEMS, "30.00", 50),
    ("RPCs for Noobs", SYSTEMS, "25.50", 50),
    ("Xen and the Art of Surviving Undergraduate School", SCHOOL, "19.90", 50),
    ("Cooking for the Impatient Undergrad", SCHOOL, "14.95", 50),
    ("How to finish Project 3 on time", SPRING, "22.00", 50),
    ("Why theory classes are so hard", SPRING, "18.25", 50),
    ("Spring in the Pioneer Valley", SPRING, "12.80", 50),
)


class Command(BaseCommand):
    help = "Loads the seven books of the course into a catalog that has no book yet."

    def handle(self, *args: Any, **options: Any) -> None:
        with origin.made_by(ACTOR, way=origin.STORE):
            loaded = run(topology.CATALOG, seed_if_empty).value
        if options["verbosity"]:
            self.stdout.write(f"{loaded} books loaded." if loaded else "There are books already: nothing to load.")


def seed_if_empty() -> int:
    """Within a transaction: all seven, or none if there is a book; how many were added."""
    if Book.objects.exists():
        return 0
    for number, (title, topic, price, quantity) in enumerate(SEVEN, start=1):
        fields = {"id": number, "title": title, "topic": topic, "price": Decimal(price), "quantity": quantity}
        add_book(fields, ACTOR)
    return len(SEVEN)
