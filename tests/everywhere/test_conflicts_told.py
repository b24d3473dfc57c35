"""412 and 422, which only somebody meets who may change something, or has a key: pages for people, else documents.

At the replica that says so, and at a front with that replica behind it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

from bookstore_project.api import headers, problem_pages, problems
from bookstore_project.nodes.client import Reply
from frontend_app.tests.support.fakes import Asked
from order_app.tests.catalog import Wire, reach
from tests.everywhere.conftest import Being
from tests.everywhere.test_problem_pages import ACCEPTED, BROWSER

KEY, OUTDATED = {headers.IDEMPOTENCY_KEY: "a-key-of-some-length"}, {"If-Match": '"of-another-time"'}
NEW = {"title": "T", "topic": "t", "price": "9.90", "quantity": 2}
URLS = {"catalog": "catalog_app.urls", "order": "order_app.urls"}


@dataclass(frozen=True)
class Conflict:
    """What is refused; of a key, with another body than the first time."""

    service: str
    method: str
    path: str
    body: Any
    first: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


OF_VERSIONS = (
    Conflict("catalog", "PATCH", "/api/v1/books/2/", {"price": "1.00"}),
    Conflict("catalog", "DELETE", "/api/v1/books/2/", {}),
    Conflict("catalog", "POST", "/api/v1/books/2/restock/", {"quantity": 1}),
)
OF_KEYS = (
    Conflict("catalog", "POST", "/api/v1/books/", NEW | {"title": "Another"}, NEW),
    Conflict("catalog", "POST", "/api/v1/books/2/restock/", {"quantity": 1}, {"quantity": 2}),
    Conflict("order", "POST", "/api/v1/orders/", {"book": 2, "quantity": 1}, {"book": 2, "quantity": 2}),
    Conflict("order", "POST", "/purchase/2", {"quantity": 1}, {"quantity": 2}),
    *(
        Conflict("order", "POST", f"/api/v1/orders/ORDER/{what}/", {"reason": "b"}, {"reason": "a"})
        for what in ("cancel", "collect")
    ),
    Conflict("order", "POST", "/api/v1/orders/ORDER/refund/", {"amount": "0.02"}, {"amount": "0.01"}),
)


def delivered(asked: Asked) -> Reply:
    """The wire between the front and a replica."""
    sent = {headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, **asked.headers}
    with override_settings(ROOT_URLCONF=URLS[asked.node.rpartition("-")[0]]):
        answer = Client().generic(
            asked.method, asked.path, asked.body or b"", content_type="application/json", headers=sent
        )
    return Reply(answer.status_code, dict(answer.headers), answer.content)


@pytest.fixture
def _orders_reach_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    reach(Wire(), monkeypatch)


@contextmanager
def at(being: Being, node: str) -> Iterator[Client]:
    """A browser in which somebody has logged in there who may do everything."""
    with being(node) as store:
        store.behaviours.update(dict.fromkeys(("catalog-1", "catalog-2", "order-1", "order-2"), delivered))
        client = Client(raise_request_exception=False)
        client.force_login(User.objects.get(username="root"))
        yield client


def ask(client: Client, method: str, path: str, body: Any, **sent: str) -> Any:
    answer = client.generic(method, path, json.dumps(body), content_type="application/json", headers=sent)
    assert answer.status_code < 500, answer.content
    return answer


def assert_told(answer: Any, code: str, accept: str) -> None:
    text = answer.content.decode()
    assert answer.status_code == problems.TITLES[code][0]
    if ACCEPTED[accept]:
        assert answer.headers["Content-Type"] == problem_pages.CONTENT_TYPE
        assert problem_pages.ADVICE[code].replace("'", "&#x27;") in text
    else:
        assert answer.headers["Content-Type"] == problems.CONTENT_TYPE
        assert json.loads(text)["code"] == code


@pytest.mark.parametrize("accept", [BROWSER, "", "application/json"])
@pytest.mark.parametrize("node", ["front", "replica"])
@pytest.mark.parametrize("case", OF_VERSIONS, ids=str)
def test_what_somebody_else_has_changed_since(being: Being, case: Conflict, node: str, accept: str) -> None:
    with at(being, "front" if node == "front" else "catalog-1") as client:
        sent = OUTDATED | ({"Accept": accept} if accept else {})
        assert_told(ask(client, case.method, case.path, case.body, **sent), "precondition_failed", accept)


@pytest.mark.usefixtures("_orders_reach_the_catalog")
@pytest.mark.parametrize("accept", [BROWSER, "", "application/json"])
@pytest.mark.parametrize("node", ["front", "replica"])
@pytest.mark.parametrize("case", OF_KEYS, ids=str)
def test_a_key_that_was_used_for_something_else(being: Being, case: Conflict, node: str, accept: str) -> None:
    with at(being, "front" if node == "front" else f"{case.service}-1") as client:
        path = case.path
        if "ORDER" in path:
            bought = ask(client, "POST", "/api/v1/orders/", {"book": 2})
            path = path.replace("ORDER", bought.json()["id"])
        assert ask(client, case.method, path, case.first, **KEY).status_code in (200, 201)
        sent = KEY | ({"Accept": accept} if accept else {})
        assert_told(ask(client, case.method, path, case.body, **sent), "idempotency_conflict", accept)
