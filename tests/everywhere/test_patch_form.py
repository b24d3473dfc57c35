"""The browsable API's form for a change: real fields, filled, and refused if somebody else was quicker."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from pytest_django import Settings

from bookstore_project.api import headers
from bookstore_project.api.tests.api import send
from bookstore_project.nodes.client import Reply
from frontend_app.runtime import serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Asked
from tests.contract.html import Page

PATH = "/api/v1/books/2/"


@pytest.fixture(params=["catalog_app.urls", "frontend_app.urls"], ids=["replica", "front"])
def root(seven_books: Path, settings: Settings, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A browser in which `root` has logged in, at a replica, or at a front with that replica behind it."""
    settings.ROOT_URLCONF = request.param
    browser = Client(headers={"accept": "text/html"})
    browser.force_login(User.objects.get(username="root"))
    store = fakes.Store(behaviours=dict.fromkeys(("catalog-1", "catalog-2"), replica))
    with serving(fakes.make_front(store)):
        yield browser


def replica(asked: Asked) -> Reply:
    """The wire between the front and the catalog."""
    sent = {headers.SERVICE_TOKEN: django_settings.SERVICE_TOKEN, **asked.headers}
    with override_settings(ROOT_URLCONF="catalog_app.urls"):
        answer = Client().generic(
            asked.method, asked.path, asked.body or b"", content_type="application/json", headers=sent
        )
    return Reply(answer.status_code, dict(answer.headers), answer.content)


def form_of(answer: Any) -> dict[str, str]:
    (form,) = (form for form in Page.of(answer.content).forms if "if_match" in form.fields)
    return dict(form.fields)


def patch(browser: Client, fields: dict[str, str]) -> Any:
    """As the page's script sends it."""
    return browser.patch(PATH, encode_multipart(BOUNDARY, fields), content_type=MULTIPART_CONTENT)


def test_it_has_a_field_for_everything_that_may_be_changed_filled_with_what_is_there(root: Client) -> None:
    fields = form_of(root.get(PATH))
    assert fields.pop("if_match")
    assert fields.pop("_method") == "PATCH"
    fields.pop("csrfmiddlewaretoken", None)
    assert fields == {
        "title": "RPCs for Noobs",
        "authors": "",
        "isbn13": "",
        "topic": "distributed systems",
        "price": "25.50",
        "quantity": "50",
    }


def test_it_changes_what_was_changed_and_can_be_used_again(root: Client) -> None:
    shown = root.get(PATH)
    for price in ("9.90", "9.80"):
        shown = patch(root, {**form_of(shown), "price": price})
        assert shown.status_code == 200, shown.content
        assert form_of(shown)["price"] == price


def test_a_form_shown_before_somebody_elses_change_is_refused_in_words(root: Client) -> None:
    stale = form_of(root.get(PATH))
    assert patch(root, {**form_of(root.get(PATH)), "price": "9.90"}).status_code == 200
    answer = patch(root, {**stale, "title": "Mine"})
    words = " ".join(Page.of(answer.content).text.split())
    assert answer.status_code == 412
    assert "It was changed by somebody else since this form was shown. Read it again" in words
    assert form_of(answer)["title"] == "Mine"
    assert form_of(answer)["if_match"] == stale["if_match"]
    assert form_of(root.get(PATH))["title"] == "RPCs for Noobs"


def test_what_is_refused_stands_in_its_field_with_the_reason(root: Client) -> None:
    answer = patch(root, {**form_of(root.get(PATH)), "price": "-1", "quantity": "-1", "title": "Mine"})
    assert answer.status_code == 400
    assert (form_of(answer)["price"], form_of(answer)["title"]) == ("-1", "Mine")
    for told in ("A price can't be below zero.", "There can't be fewer than 0 copies in stock."):
        assert told in Page.of(answer.content).text


@pytest.mark.parametrize("kind", [MULTIPART_CONTENT, "application/x-www-form-urlencoded"])
def test_a_browser_without_scripts_posts_it(root: Client, kind: str) -> None:
    def post(fields: dict[str, str]) -> Any:
        sent = encode_multipart(BOUNDARY, fields) if kind == MULTIPART_CONTENT else urlencode(fields).encode()
        return root.generic("POST", PATH, sent, content_type=kind)

    root.handler.enforce_csrf_checks = True
    stale = form_of(root.get(PATH))
    changed = post({**stale, "price": "9.90"})
    assert (changed.status_code, form_of(changed)["price"]) == (200, "9.90")
    assert post({**stale, "price": "9.80"}).status_code == 412
    fresh = form_of(changed)
    assert post({**fresh, "csrfmiddlewaretoken": ""}).status_code == 403
    for other in ("DELETE", "PUT", "GET", ""):
        assert post({**fresh, "_method": other}).status_code == 405
    assert form_of(root.get(PATH))["price"] == "9.90"


@pytest.mark.parametrize("body", [b'{"price": ', b"[]", b"1", b"{}", b'{"colour": 1}', b'{"price": "-1"}', b"\xff"])
def test_raw_data_that_cannot_be_taken_is_refused_on_a_page(root: Client, body: bytes) -> None:
    answer = root.patch(PATH, body, content_type="application/json")
    assert answer.status_code == (200 if body == b"{}" else 400)
    assert answer.headers["Content-Type"].startswith("text/html")


def test_raw_data_for_another_version_is_refused_on_a_page(root: Client) -> None:
    sent = {"if-match": '"another"'}
    answer = root.patch(PATH, b'{"price": "9.90"}', content_type="application/json", headers=sent)
    assert answer.status_code == 412
    assert "Precondition failed" in Page.of(answer.content).text


def test_its_fields_are_called_as_people_call_them(root: Client) -> None:
    page = root.get(PATH).content.decode()
    assert re.findall(r"<label[^>]*>\s*(\w+)\s*</label>", page)[:3] == ["Title", "Authors", "ISBN"]


def test_who_may_change_nothing_has_no_form(root: Client) -> None:
    for browser in (Client(headers={"accept": "text/html"}), Client(headers={"accept": "text/html"})):
        assert not [form for form in Page.of(browser.get(PATH).content).forms if "if_match" in form.fields]
        browser.force_login(User.objects.get(username="bob"))


def test_programs_go_by_the_header(seven_books: Path, settings: Settings) -> None:
    settings.ROOT_URLCONF = "catalog_app.urls"
    refused = send("PATCH", PATH, {"price": "9.90", "if_match": "x"}, as_user="ann", sent={"If-Match": '"x"'})
    assert refused.status_code == 412
