"""The settings for a shop behind a proxy that speaks TLS: only it is spoken to, and it says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Client
from tests.store import Store

BEHIND_A_PROXY = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Client]:
    environment = {"DJANGO_SETTINGS_MODULE": "bookstore_project.settings.production"}
    data = tmp_path_factory.mktemp("production") / "var"
    with Store(data, environment=environment, prepared=prepared) as store, Client(store) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/product/2", "/api/v1/books/2/", "/search/spring%20term", "/cluster/"])
def test_what_the_shop_shows(shop: Client, path: str) -> None:
    assert shop.call("GET", path, headers=BEHIND_A_PROXY).status == 200
    sent_on = shop.call("GET", path)
    assert sent_on.status == 301
    assert sent_on.headers["location"] == f"https://{shop.store.addresses['front']}{path}"


def test_a_purchase_and_an_edit(shop: Client) -> None:
    before = shop.call("GET", "/product/2", headers=BEHIND_A_PROXY).json["quantity"]
    bought = shop.call("POST", "/purchase/2", headers=BEHIND_A_PROXY)
    assert bought.status == 201
    order = shop.call("GET", f"/api/v1/orders/{bought.json['id']}/", headers=BEHIND_A_PROXY)
    assert order.status == 200
    changed = shop.call("PATCH", "/api/v1/books/2/", {"price": "7.50"}, headers=BEHIND_A_PROXY, as_staff=True)
    assert changed.status == 200
    shown = shop.call("GET", "/product/2", headers=BEHIND_A_PROXY).json
    assert (shown["price"], shown["quantity"]) == ("7.50", before - 1)
