"""What order replicas ask of the catalog, several at a time."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from bookstore_project.api import internal_paths
from bookstore_project.api.fields import checked_fields
from bookstore_project.api.parsers import parse_json
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.sales import Line, Sale
from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.outcomes import outcome_of, then
from bookstore_project.replication import origin
from bookstore_project.replication.web.batches import answers
from bookstore_project.settings import topology
from catalog_app.sales import Asked, orders_sell
from catalog_app.serializers import SaleInput


def sell(parts: Sequence[Part]) -> list[Answer]:
    """As `POST /internal/sales/` answers each of them."""
    asked = [outcome_of(partial(_asked, part)) for part in parts]
    with origin.made_by("service", way=origin.API):
        sales = then(asked, orders_sell)
    return answers(topology.CATALOG, internal_paths.SALES, parts, sales, _answer)


def _asked(part: Part) -> Asked:
    """Raises ParseError, ValidationError."""
    members = checked_fields(SaleInput, parse_json(part.body))
    lines = [Line(**line) for line in members["lines"]]
    return Asked(members["order"], lines, part.deadline, members["first_attempt"])


def _answer(sale: Sale) -> Answer:
    sold = ", ".join(f"{line.quantity} × book {line.book}" for line in sale.lines)
    return Answer(
        HTTPStatus.OK if sale.is_repeat else HTTPStatus.CREATED,
        canonical_json(sale.as_json()),
        {"Content-Type": "application/json"},
        f" ({sold} for order {sale.order})",
    )
