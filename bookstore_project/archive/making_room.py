"""Room for a store that moves to a server where hosts have made one already (`make host`), and nobody has used it.

Its databases keep what they have under other names, and the store that moves finds none. Used: an order was written,
or anybody but the store itself has changed a book. Then nothing is touched.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bookstore_project.replication import origin
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Arrival
from bookstore_project.replication.transfer.places import Model, Place, fields_of
from bookstore_project.settings import topology
from catalog_app.models import BookChange, LedgerEntry
from order_app.models import Order


def make_room(targets: Iterable[Arrival], say: Callable[[str], object]) -> None:
    """May be repeated, whatever interrupted it. Raises Unavailable, also while nodes of that store run."""
    made = [target for target in targets if target.holds_store()]
    if topology.CATALOG not in {target.name for target in made}:
        return  # It is the last to be put aside: what is there without it is no store's.
    for target in made:
        if used := target.look(_USED[target.name]):
            raise Unavailable(f"The database {target.name} there has {used}: nothing of it is touched.")
    for target in reversed(made):  # Nodes never let go of the accounts: so nothing has changed if some run.
        say(f"The store there was never used. Its {target.name} is kept as `{target.put_aside()}`.")


def _catalog_used(place: Place) -> str:
    by_itself = all(way == origin.STORE for way in _each(place, BookChange, "way"))
    return "" if by_itself and not any(_each(place, LedgerEntry, "order")) else "books that were changed or sold"


def _order_used(place: Place) -> str:
    return "orders" if place.count(Order) else ""


def _each(place: Place, model: Model, name: str) -> Iterator[Any]:
    at = [field.name for field in fields_of(model)].index(name)
    return (row[at] for row in place.rows(model))


_USED: Mapping[str, Callable[[Place], str]] = {
    topology.CATALOG: _catalog_used,
    topology.ORDER: _order_used,
    "accounts": lambda _: "",  # By themselves they are no store.
}
