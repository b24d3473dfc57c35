import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bookstore_project.api.sales import Line, Sale, SoldLine

LINES = (SoldLine(7, 2, "Übung", 3, Decimal("10.00")), SoldLine(8, 1, "", 1, Decimal("0.10")))
SALE = Sale(uuid.UUID(int=1), datetime(2026, 1, 2, tzinfo=UTC), LINES, is_repeat=True)


def test_a_sale_is_the_same_at_the_other_end_of_the_wire() -> None:
    assert Sale.parse(json.loads(json.dumps(SALE.as_json()))) == SALE
    assert (SALE.first, SALE.last) == (7, 8)


@pytest.mark.parametrize("name", ["order", "sold_at", "lines", "is_repeat"])
def test_what_lacks_something_is_no_sale(name: str) -> None:
    members = SALE.as_json()
    del members[name]
    with pytest.raises(LookupError):
        Sale.parse(members)


def test_a_line_names_the_price_if_the_customer_saw_one() -> None:
    assert Line(1, 2).as_json() == {"book": 1, "quantity": 2}
    assert Line(1, 2, Decimal("9.90")).as_json() == {"book": 1, "quantity": 2, "unit_price": "9.90"}
