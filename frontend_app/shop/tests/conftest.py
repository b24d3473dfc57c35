"""A front whose replicas are pretended, with two books, and somebody with a browser."""

from collections.abc import Iterator

import pytest
from django.test import Client

from frontend_app.runtime import Front, serving
from frontend_app.shop.tests.visits import Orders
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store

ORDERS = ("order-1", "order-2")


@pytest.fixture
def store() -> Store:
    store = Store()
    for book in (1, 2):
        store.put(book, price=f"{book}0.00", authors="An <Author>", isbn13=None, quantity=3, version=1)
    return store


@pytest.fixture
def orders(store: Store) -> Orders:
    orders = Orders()
    store.behaviours.update(dict.fromkeys(ORDERS, orders))
    return orders


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept": "text/html"})


@pytest.fixture(autouse=True)
def front(store: Store, orders: Orders) -> Iterator[Front]:
    with serving(fakes.make_front(store)) as front:
        yield front
