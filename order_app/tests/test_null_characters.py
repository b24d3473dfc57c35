"""NUL in whatever takes a text: PostgreSQL can't hold it, and it is refused before any engine sees it."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bookstore_project.api import headers
from bookstore_project.api.tests.api import assert_problem, send
from order_app.tests.catalog import Wire

pytestmark = [pytest.mark.usefixtures("node"), pytest.mark.every_engine]

NUL = "a\0b"
ORDERS = "/api/v1/orders/"
QUERIES = ("book", "status", "created_after", "created_before", "number")
OF_PAGES = ("after", "page", "page_size")
OF_ADMIN = ("q", "book", "status", "created_at__gte", "id__exact", "o", "p", "lines__title")


@pytest.mark.parametrize("what", ["cancel", "refund"])
def test_a_null_character_in_a_reason_is_the_clients_error(node: Wire, what: str) -> None:
    order = send("POST", ORDERS, {"book": 1}).json()["id"]
    answer = send("POST", f"{ORDERS}{order}/{what}/", {"reason": NUL}, as_user="ann")
    assert "reason" in assert_problem(answer, 400, "validation_error")["errors"]


@pytest.mark.parametrize("body", [{"book": NUL}, {"lines": [{"book": 1, "unit_price": NUL}]}, {"book": 1, NUL: 1}])
def test_a_null_character_in_a_purchase_is_the_clients_error(body: object) -> None:
    assert_problem(send("POST", ORDERS, body), 400, "validation_error")


def test_a_null_character_in_an_idempotency_key_is_the_clients_error() -> None:
    sent = {headers.IDEMPOTENCY_KEY: f"a-key-of-some-length{NUL}"}
    assert_problem(send("POST", ORDERS, {"book": 1}, sent=sent), 400, "validation_error")


@pytest.mark.parametrize(("path", "names"), [(ORDERS, (*QUERIES, *OF_PAGES)), (f"{ORDERS}export/", QUERIES)])
def test_a_null_character_in_a_query_is_the_clients_error(path: str, names: tuple[str, ...]) -> None:
    for name in names:
        answer = send("GET", f"{path}?{name}={quote(NUL)}", as_user="ann")
        assert list(assert_problem(answer, 400, "validation_error")["errors"]) == [name]


@pytest.mark.parametrize("login", [f"{NUL}:x", f"ann:{NUL}"])
def test_no_login_has_a_null_character(login: str) -> None:
    sent = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    assert_problem(send("GET", ORDERS, sent=sent), 401, "not_authenticated")


def test_the_admins_list_takes_a_null_character_for_a_filter_that_makes_no_sense() -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(username="root"))
    for name in OF_ADMIN:
        answer: Any = browser.get(f"/admin/order_app/order/?{name}={quote(NUL)}")
        assert answer.status_code in (200, 302, 400), name
