"""What fronts ask of the order service, several purchases at a time."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from bookstore_project.api import headers
from bookstore_project.api.fields import checked_fields
from bookstore_project.api.idempotency import checked_key
from bookstore_project.api.parsers import parse_json
from bookstore_project.api.renderers import canonical_json
from bookstore_project.api.representations import PurchaseInput
from bookstore_project.api.sales import Line
from bookstore_project.nodes.batches import Answer, Part
from bookstore_project.outcomes import outcome_of, then
from bookstore_project.replication import origin
from bookstore_project.replication.web.batches import answers
from bookstore_project.settings import topology
from order_app.purchase import Purchase, Wish, purchases
from order_app.serializers import order_data

PATH = "/api/v1/orders/"


def buy(parts: Sequence[Part]) -> list[Answer]:
    """As `POST /api/v1/orders/` answers each of them."""
    wishes = [outcome_of(partial(_wish, part)) for part in parts]
    with origin.made_by("service", way=origin.API):
        bought = then(wishes, purchases)
    return answers(topology.ORDER, PATH, parts, bought, _answer)


def _wish(part: Part) -> Wish:
    """Raises ParseError, ValidationError, Invalid."""
    members = checked_fields(PurchaseInput, parse_json(part.body))
    return Wish(
        checked_key(part.headers.get(headers.IDEMPOTENCY_KEY)),
        [Line(**line) for line in members["lines"]],
        part.deadline,
        part.headers.get(headers.FIRST_ATTEMPT) == "1",
    )


def _answer(bought: Purchase) -> Answer:
    order = bought.order
    sent = {"Content-Type": "application/json", "Location": f"/api/v1/orders/{order.pk}/"}
    if bought.is_repeat:
        sent[headers.IDEMPOTENT_REPLAYED] = "true"
    return Answer(HTTPStatus.CREATED, canonical_json(order_data(order)), sent, f" (order {order.pk})")
