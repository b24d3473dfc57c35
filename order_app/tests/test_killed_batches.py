"""An order replica that dies over a batch: what is sold becomes orders, each once, whoever finishes them."""

from collections.abc import Callable

import pytest

from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, run_and_die
from order_app.sweeper import Sweeper
from order_app.tests.catalog import Wire, sales_and_orders, sold
from order_app.tests.test_purchases_together import buy, id_of, part

pytestmark = pytest.mark.processes

KEYS = {1: "the-key-of-the-first", 2: "the-key-of-the-second", 3: "the-key-of-the-third"}
BUYS = f"""
from django.conf import settings
from order_app import clients
from order_app.tests.catalog import Wire
from order_app.tests.test_purchases_together import buy, part
settings.ROOT_URLCONF, settings.ALLOWED_HOSTS = "order_app.urls", ["testserver"]
clients.balancer = clients.build_balancer(Wire())
sell_all = clients.sell_all
def sell_all_and_tell(wanted):
    sales = sell_all(wanted)
    points.reached("sold")
    return sales
clients.sell_all = sell_all_and_tell
buy(*(part({{"book": book}}, key=key) for book, key in {KEYS}.items()))
"""


def ask_again() -> None:
    """Each customer does, by the key."""
    answers = [buy(part({"book": book}, key=key))[0] for book, key in KEYS.items()]
    assert [answer.status for answer in answers] == [201] * 3
    assert len({id_of(answer) for answer in answers}) == 3


def sweep() -> None:
    Sweeper().sweep(grace_s=0)


@pytest.mark.parametrize("finish", [ask_again, sweep])
@pytest.mark.parametrize(
    "point", ["committed-catalog-1", "committed-catalog-2", "sold", "committed-order-1", "committed-order-2"]
)
def test_what_a_killed_batch_has_sold_is_ordered_once(wire: Wire, point: str, finish: Callable[[], None]) -> None:
    run_and_die(point, BUYS)
    if not point.startswith("committed-catalog"):
        assert [sold(book) for book in KEYS] == [1] * 3
    finish()
    sales, orders = sales_and_orders()
    assert sales == orders
    assert sales
    ask_again()
    assert [sold(book) for book in KEYS] == [1] * 3, "those that were there before, too"
    assert sales_and_orders()[0] == sales_and_orders()[1]
    assert_copies_equal("catalog")
    assert_copies_equal("order")


@pytest.mark.parametrize("finish", [ask_again, sweep])
def test_a_batch_that_is_killed_before_its_sale_has_sold_nothing(wire: Wire, finish: Callable[[], None]) -> None:
    run_and_die("before-commit", BUYS)
    assert [sold(book) for book in KEYS] == [0] * 3
    finish()
    sales, orders = sales_and_orders()
    assert sales == orders
    assert len(orders) == (3 if finish is ask_again else 0)
