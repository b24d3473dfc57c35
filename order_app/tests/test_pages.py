"""The order service with a mouse: everybody may buy, staff may look."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bookstore_project.api.tests.api import send
from bookstore_project.replication.tests.support.replica_files import floor

pytestmark = pytest.mark.usefixtures("node")
HTML = {"Accept": "text/html"}
BUYING = re.compile(r'<form[^>]*action="[^"]*"[^>]*method="POST"[^>]*>.*?name="quantity"', re.DOTALL)


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/purchase/1", ""),
        ("/purchase/1", "bob"),
        ("/purchase/1", "ann"),
        ("/api/v1/orders/", ""),
        ("/api/v1/orders/", "ann"),
    ],
)
def test_everybody_finds_the_form_to_buy(path: str, user: str) -> None:
    answer = send("GET", path, as_user=user, sent=HTML)
    text = answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert BUYING.search(text), "there is no form"
    assert not re.search(r'(src|href|action)="(https?:)?//', text)


def test_buying_with_the_form_shows_the_order() -> None:
    answer = Client().post("/purchase/2", {"quantity": "2"}, headers=HTML)
    assert answer.status_code == 201
    assert "RPCs for Noobs" in answer.content.decode()


def test_an_order_has_a_page_without_forms_to_change_it() -> None:
    order = send("POST", "/purchase/2").json()["id"]
    text = send("GET", f"/api/v1/orders/{order}/", as_user="ann", sent=HTML).content.decode()
    assert order in text
    assert not re.search(r'data-method="(PUT|PATCH|DELETE)"', text)


def test_orders_in_the_admin_are_to_be_looked_at() -> None:
    order = send("POST", "/purchase/2").json()["id"]
    root = Client(raise_request_exception=False)
    root.force_login(User.objects.get(username="root"))
    for path in ("", "?q=noobs", f"{order}/change/"):
        answer = root.get(f"/admin/order_app/order/{path}")
        assert answer.status_code == 200, answer.content[:300]
        assert "RPCs for Noobs" in answer.content.decode()
    before = floor("order")
    for path in ("add/", f"{order}/change/", f"{order}/delete/"):
        assert root.post(f"/admin/order_app/order/{path}", {"post": "yes"}).status_code == 403
    assert floor("order") == before
