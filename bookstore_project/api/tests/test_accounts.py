"""Accounts that can't be read: who asks for them hears so, whichever way; the shop goes on."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.authtoken.models import Token

from bookstore_project.api import accounts
from bookstore_project.api.tests.api import PASSWORD, assert_problem, basic, make_people
from bookstore_project.nodes.middleware import RequestMiddleware
from bookstore_project.settings import topology

LOGIN = {"username": "root", "password": PASSWORD}
PAGE = {"Accept": "text/html"}
FILE = topology.database_file(topology.ACCOUNTS)


@pytest.fixture
def browser(seven_books: Path, settings: Settings) -> Client:
    """At a catalog replica; `root` has logged in."""
    settings.ROOT_URLCONF = "catalog_app.urls"
    make_people()
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="root"))
    return client


def lose() -> None:
    connections[topology.ACCOUNTS].close()
    for path in FILE.parent.glob(f"{FILE.name}*"):
        path.unlink()


def garble() -> None:
    lose()
    FILE.write_bytes(b"not a database" * 500)


ASKING: dict[str, Callable[[Client, str], Any]] = {
    "the admin": lambda browser, token: browser.get("/admin/"),
    "a list of the admin": lambda browser, token: browser.get("/admin/catalog_app/book/"),
    "the admin's login": lambda browser, token: Client(raise_request_exception=False).post("/admin/login/", LOGIN),
    "the API's login": lambda browser, token: Client(raise_request_exception=False).post("/api-auth/login/", LOGIN),
    "the API with a session": lambda browser, token: browser.get("/api/v1/books/1/"),
    "the API with a password": lambda browser, token: Client().get("/api/v1/books/1/", headers=basic("ann")),
    "the API with a token": lambda browser, token: Client().get(
        "/api/v1/books/1/", headers={"Authorization": f"Token {token}"}
    ),
}


@pytest.mark.parametrize("damage", [garble, lose])
@pytest.mark.parametrize("way", ASKING)
def test_who_asks_for_an_account_hears_that_they_cannot_be_read(
    browser: Client, way: str, damage: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    token = Token.objects.create(user=User.objects.get(username="ann")).key
    damage()
    with caplog.at_level(logging.WARNING, "bookstore.accounts"):
        document = assert_problem(ASKING[way](browser, token), 503, "unavailable")
    assert document["detail"] == accounts.DETAIL
    assert [record.getMessage() for record in caplog.records if record.name == "bookstore.accounts"]


def test_a_browser_gets_the_whole_page_of_the_api_with_the_reason(browser: Client) -> None:
    garble()
    answer = browser.get("/api/v1/books/1/", headers=PAGE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "The accounts can&#x27;t be read" in answer.content.decode().replace("&#39;", "&#x27;")


def test_who_asks_for_no_account_is_served(browser: Client) -> None:
    garble()
    for path in ("/api/v1/books/1/", "/admin/login/", "/api-auth/login/"):
        assert Client().get(path, headers=PAGE).status_code == 200, path


def test_accounts_that_are_back_are_read_at_once(browser: Client) -> None:
    connections[topology.ACCOUNTS].close()
    kept = FILE.read_bytes()
    garble()
    assert browser.get("/admin/").status_code == 503
    FILE.write_bytes(kept)
    assert browser.get("/admin/").status_code == 200


def test_an_error_of_another_database_is_not_put_down_to_the_accounts(browser: Client) -> None:
    middleware = RequestMiddleware(lambda request: HttpResponse())
    garble()
    assert browser.get("/admin/").status_code == 503
    assert middleware.process_exception(RequestFactory().get("/"), DatabaseError("no such column")) is None
