"""The schemas that the nodes publish."""

import json

import pytest
from openapi_spec_validator import validate

from tests.client import Shop
from tests.contract.openapi import Contract

NODES = ("front", "catalog-1", "catalog-2", "order-1", "order-2")


@pytest.mark.parametrize("path", ["/api/schema/", "/api/schema"])
@pytest.mark.parametrize("node", NODES)
def test_schema_is_valid_openapi_3(shop: Shop, node: str, path: str) -> None:
    answer = shop.client(node).get(path, {"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.")
    validate(answer.json)


@pytest.mark.parametrize("node", NODES)
def test_every_operation_declares_its_problems(shop: Shop, node: str) -> None:
    for path, operations in Contract.of(node, shop.store.url(node)).schema["paths"].items():
        for method, operation in operations.items():
            assert {"400", "404", "405", "503"} <= operation["responses"].keys(), (path, method)
            assert "application/problem+json" in operation["responses"]["404"]["content"], (path, method)


def test_schema_and_its_page_need_no_outside_asset(shop: Shop) -> None:
    page = shop.front.get("/api/docs/", {"Accept": "text/html"})
    assert page.status == 200
    text = page.body.decode()
    assert "https://" not in text
    assert 'src="//' not in text


class TestContract:
    """The comparison itself finds what it is there to find."""

    @pytest.mark.parametrize(
        ("status", "content_type", "change"),
        [
            (200, "application/json", {"price": 30}),
            (200, "application/json", {"isbn13": 7}),
            (200, "application/json", {"quantity": None}),
            (200, "text/plain", {}),
            (202, "application/json", {}),
            (404, "application/problem+json", {}),
            (500, "application/problem+json", {}),
        ],
    )
    def test_notices_a_changed_answer(
        self, shop: Shop, status: int, content_type: str, change: dict[str, object]
    ) -> None:
        contract = Contract.of("front", shop.store.front)
        good = shop.front.get("/product/1")
        assert contract.deviation(good) == ""
        bad = type(good)(
            good.node,
            good.method,
            good.path,
            status,
            {"content-type": content_type},
            json.dumps({**good.json, **change}).encode(),
        )
        assert contract.deviation(bad)
