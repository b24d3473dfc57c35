"""The API in a browser: forms for what one may do, none for what one may not."""

import re

import pytest
import requests

from tests.client import Shop
from tests.contract.html import Page
from tests.waiting import PATIENCE_S

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CATALOG = ("front", "catalog-1", "catalog-2")
ORDER = ("front", "order-1", "order-2")


def page_of(shop: Shop, node: str, path: str, *, as_staff: bool) -> Page:
    answer = shop.client(node).get(path, HTML, as_staff=as_staff)
    assert answer.headers["content-type"].startswith("text/html"), answer
    return Page.of(answer.body)


@pytest.mark.parametrize(
    ("nodes", "path", "anybody", "staff"),
    [
        (CATALOG, "/api/v1/books/", set(), {"POST"}),
        (CATALOG, "/api/v1/books/1/", set(), {"PATCH", "DELETE"}),
        (CATALOG, "/api/v1/books/1/restock/", set(), {"POST"}),
        (CATALOG, "/product/1", set(), set()),
        (CATALOG, "/info/1/", set(), set()),
        (CATALOG, "/search/distributed%20systems", set(), set()),
        (ORDER, "/api/v1/orders/", {"POST"}, {"POST"}),
        (ORDER, "/purchase/1", {"POST"}, {"POST"}),
    ],
)
def test_forms_are_there_for_those_who_may(
    shop: Shop, nodes: tuple[str, ...], path: str, anybody: set[str], staff: set[str]
) -> None:
    for node in nodes:
        assert page_of(shop, node, path, as_staff=False).methods(path) == anybody, node
        assert page_of(shop, node, path, as_staff=True).methods(path) == staff, node


@pytest.mark.parametrize("node", CATALOG)
def test_form_for_a_new_book_has_a_field_for_everything_one_may_set(shop: Shop, node: str) -> None:
    form = page_of(shop, node, "/api/v1/books/", as_staff=True).form("POST", "/api/v1/books/")
    asked = form.fields.keys() - {"csrfmiddlewaretoken"}
    assert asked == {"title", "authors", "isbn13", "topic", "price", "quantity"}


@pytest.mark.parametrize("node", ORDER)
def test_anybody_buys_with_the_form(shop: Shop, node: str) -> None:
    """Left as it comes, but for the book's id: one copy."""
    book = shop.new_book(quantity=3)
    form = page_of(shop, node, "/api/v1/orders/", as_staff=False).form("POST", "/api/v1/orders/")
    url = shop.store.url(node)
    filled = {"/api/v1/orders/": {**form.fields, "book": str(book)}, f"/purchase/{book}": {"quantity": ""}}
    for path, fields in filled.items():
        answer = requests.post(f"{url}{path}", data=fields, headers=HTML, timeout=PATIENCE_S)
        assert answer.status_code == 201, Page.of(answer.content).text
        assert '"completed"' in Page.of(answer.content).text
    assert shop.front.get(f"/product/{book}").json["quantity"] == 1


@pytest.mark.parametrize("is_in_parts", [False, True], ids=["urlencoded", "multipart"])
@pytest.mark.parametrize("node", CATALOG)
def test_staff_restocks_with_the_form_after_logging_in(shop: Shop, node: str, is_in_parts: bool) -> None:
    """Browsers send it in parts, as the page says; what checks for forgery reads it first."""
    book = shop.new_book(quantity=3)
    url, path = shop.store.url(node), f"/api/v1/books/{book}/restock/"
    with requests.Session() as browser:
        browser.headers.update(HTML)
        log_in(browser, url, *shop.store.staff)
        page = Page.of(browser.get(f"{url}{path}", timeout=PATIENCE_S).content)
        fields = {**page.form("POST", path).fields, "quantity": "4"}
        sent = {"files": {name: (None, value) for name, value in fields.items()}} if is_in_parts else {"data": fields}
        answer = browser.post(f"{url}{path}", timeout=PATIENCE_S, **sent)
        assert answer.status_code == 200, Page.of(answer.content).text
        forged = browser.post(f"{url}{path}", data={"quantity": "100"}, timeout=PATIENCE_S)
        assert forged.status_code == 403
    assert shop.front.get(f"/product/{book}").json["quantity"] == 7


def log_in(browser: requests.Session, url: str, user: str, password: str, *, to: str = "/api/v1/books/") -> None:
    """By the browsable API's own page."""
    page = Page.of(browser.get(f"{url}/api-auth/login/?next={to}", timeout=PATIENCE_S).content)
    (form,) = (form for form in page.forms if "password" in form.fields)
    answer = browser.post(
        f"{url}{form.action}", data={**form.fields, "username": user, "password": password}, timeout=PATIENCE_S
    )
    assert answer.status_code == 200
    assert user in Page.of(answer.content).text


@pytest.mark.parametrize("node", ["front", "catalog-1"])
def test_errors_are_pages_too(shop: Shop, node: str) -> None:
    answer = shop.client(node).get("/product/999999", HTML)
    assert answer.status == 404
    assert "There is no book 999999." in Page.of(answer.body).text


@pytest.mark.parametrize("node", CATALOG)
def test_pages_of_a_list_are_linked(shop: Shop, node: str) -> None:
    page = page_of(shop, node, "/api/v1/books/?page_size=2", as_staff=False)
    assert any(re.search(r"[?&]page=2\b", link) for link in page.links), page.links


@pytest.mark.parametrize(
    ("node", "path"),
    [("front", "/"), ("front", "/cluster/"), ("front", "/api/v1/books/1/"), ("catalog-1", "/api/v1/books/"),
     ("order-1", "/purchase/1"), ("catalog-2", "/api-auth/login/"), ("order-2", "/admin/login/")],
)  # fmt: skip
def test_page_needs_nothing_from_elsewhere(shop: Shop, node: str, path: str) -> None:
    """And what it needs is there."""
    page = page_of(shop, node, path, as_staff=False)
    for asset in filter(None, page.assets):
        if asset.startswith("data:"):
            continue
        assert asset.startswith("/"), asset
        assert not asset.startswith("//"), asset
        assert shop.client(node).get(asset).status == 200, asset
