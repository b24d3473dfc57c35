"""The admin of the replicas, as a browser sees it."""

from collections.abc import Iterator

import pytest
import requests

from tests import databases
from tests.client import Shop
from tests.contract.html import Page
from tests.waiting import PATIENCE_S


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    """With one cookie jar, which doesn't look at ports: browsers don't either."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def log_in(browser: requests.Session, shop: Shop, node: str) -> Page:
    url = shop.store.url(node)
    page = Page.of(browser.get(f"{url}/admin/login/?next=/admin/", timeout=PATIENCE_S).content)
    user, password = shop.store.staff
    (form,) = (form for form in page.forms if "password" in form.fields)
    answer = browser.post(
        f"{url}{form.action or '/admin/login/'}",
        data={**form.fields, "username": user, "password": password},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 200
    assert is_inside(answer), Page.of(answer.content).text
    return Page.of(answer.content)


def is_inside(answer: requests.Response) -> bool:
    return "/admin/login/" not in answer.url and b'name="password"' not in answer.content


def save(browser: requests.Session, url: str, changed: dict[str, str]) -> Page:
    """The change form of `url`, sent as it came but for what is changed."""
    page = Page.of(browser.get(url, timeout=PATIENCE_S).content)
    (form,) = (form for form in page.forms if "price" in form.fields)
    buttons = ("_addanother", "_continue", "_saveasnew")
    fields = {name: value for name, value in form.fields.items() if name not in buttons}
    answer = browser.post(url, data={**fields, **changed}, headers={"Referer": url}, timeout=PATIENCE_S)
    assert answer.status_code == 200
    return Page.of(answer.content)


@pytest.mark.parametrize("node", ["catalog-1", "catalog-2"])
def test_changed_price_is_everywhere_at_once(shop: Shop, browser: requests.Session, node: str) -> None:
    """Read through the front, whose cache held the old one, as soon as the admin has answered."""
    book = shop.new_book(quantity=6)
    shop.front.get(f"/product/{book}")
    log_in(browser, shop, node)
    page = save(browser, f"{shop.store.url(node)}/admin/catalog_app/book/{book}/change/", {"price": "3.33"})
    seen = shop.front.get(f"/product/{book}").json
    rows = [
        databases.query(file, "SELECT price, quantity, version FROM catalog_app_book WHERE id = ?", [book])
        for file in databases.files(shop.store, "catalog")
    ]
    assert "was changed successfully" in page.text
    assert (seen["price"], seen["version"]) == ("3.33", 2)
    assert rows == [[(3.33, 6, 2)]] * 2
    databases.dump_both(shop.store, "catalog")


def test_changed_stock_is_explained_in_the_ledger(shop: Shop, browser: requests.Session) -> None:
    book = shop.new_book(quantity=6)
    log_in(browser, shop, "catalog-1")
    save(browser, f"{shop.store.url('catalog-1')}/admin/catalog_app/book/{book}/change/", {"quantity": "2"})
    assert shop.front.get(f"/product/{book}").json["quantity"] == 2
    for file in databases.files(shop.store, "catalog"):
        ledger = "SELECT kind, change, balance, actor FROM catalog_app_ledgerentry WHERE book_id = ? ORDER BY id"
        assert databases.query(file, ledger, [book])[-1] == ("correction", -4, 2, "staff")


@pytest.mark.parametrize(("node", "other"), [("catalog-1", "catalog-2"), ("catalog-2", "catalog-1")])
def test_each_replica_shows_its_stock_beside_the_others(
    shop: Shop, browser: requests.Session, node: str, other: str
) -> None:
    book = shop.new_book(quantity=6)
    shop.front.buy(book)
    log_in(browser, shop, node)
    answer = browser.get(f"{shop.store.url(node)}/admin/catalog_app/book/?id={book}", timeout=PATIENCE_S)
    page = Page.of(answer.content)
    assert f"{other} was read at the same moment, and has the same." in page.text
    assert "5 ✓ same" in page.text
    assert f"{shop.store.url(other)}/admin/catalog_app/book/?id={book}" in page.links


@pytest.mark.parametrize(
    "changed",
    [
        {"price": "-1"},
        {"price": "x"},
        {"price": "9" * 30},
        {"quantity": "-1"},
        {"quantity": "9" * 30},
        {"isbn13": "9780306406158"},
        {"title": ""},
        {"title": "a\0"},
    ],
)
def test_nonsense_is_refused_beside_its_field(shop: Shop, browser: requests.Session, changed: dict[str, str]) -> None:
    book = shop.new_book(quantity=6)
    log_in(browser, shop, "catalog-2")
    before = databases.goods(shop.store)
    page = save(browser, f"{shop.store.url('catalog-2')}/admin/catalog_app/book/{book}/change/", changed)
    assert "Please correct the error" in page.text
    assert databases.goods(shop.store) == before


def test_login_on_one_node_is_no_logout_on_another(shop: Shop, browser: requests.Session) -> None:
    log_in(browser, shop, "catalog-1")
    log_in(browser, shop, "order-1")
    for node in ("catalog-1", "order-1"):
        assert is_inside(browser.get(f"{shop.store.url(node)}/admin/", timeout=PATIENCE_S)), node


def test_each_node_shows_its_own_service(shop: Shop, browser: requests.Session) -> None:
    log_in(browser, shop, "catalog-1")
    book = shop.new_book(quantity=1)
    # Its page of recent actions is every node's, as the accounts are.
    save(browser, f"{shop.store.url('catalog-1')}/admin/catalog_app/book/{book}/change/", {"price": "1.00"})
    catalog = Page.of(browser.get(f"{shop.store.url('catalog-1')}/admin/", timeout=PATIENCE_S).content)
    order = log_in(browser, shop, "order-1")
    assert "/admin/catalog_app/book/" in catalog.links
    assert "/admin/order_app/order/" in order.links
    assert not any("order_app" in link for link in catalog.links)
    assert not any("catalog_app" in link for link in order.links)
    for path in ("/admin/catalog_app/book/", "/admin/catalog_app/book/1/change/"):
        elsewhere = browser.get(f"{shop.store.url('order-1')}{path}", timeout=PATIENCE_S)
        assert elsewhere.status_code in (403, 404), path


@pytest.mark.parametrize(
    ("node", "path"),
    [("catalog-1", "/admin/catalog_app/ledgerentry/"), ("order-1", "/admin/order_app/order/"),
     ("order-2", "/admin/order_app/order/")],
)  # fmt: skip
def test_ledger_and_orders_are_read_only(shop: Shop, browser: requests.Session, node: str, path: str) -> None:
    shop.front.buy(shop.new_book(quantity=1))
    log_in(browser, shop, node)
    url = shop.store.url(node)
    shown = browser.get(f"{url}{path}", timeout=PATIENCE_S)
    page = Page.of(shown.content)
    assert shown.status_code == 200
    assert f"{path}add/" not in page.links
    assert browser.get(f"{url}{path}add/", timeout=PATIENCE_S).status_code == 403
    row = next(link for link in page.links if link.endswith("/change/"))
    details = browser.get(f"{url}{row.partition('?')[0]}", timeout=PATIENCE_S)
    assert details.status_code == 200
    assert not any("_save" in form.fields for form in Page.of(details.content).forms)
    assert browser.post(f"{url}{row}", data={}, timeout=PATIENCE_S).status_code == 403


PAGES = {
    "catalog-1": (
        "/admin/catalog_app/book/?q=noobs",
        "/admin/catalog_app/book/export/?q=noobs",
        "/admin/catalog_app/ledgerentry/?book=1",
        "/admin/catalog_app/book/?retired__exact=0&o=-5",
        "/admin/catalog_app/book/1/change/",
        "/admin/catalog_app/book/1/history/",
        "/admin/catalog_app/ledgerentry/?kind__exact=sale",
        "/admin/auth/user/",
    ),
    "catalog-2": (
        "/admin/catalog_app/book/?stock=low",
        "/admin/catalog_app/book/import/",
        "/static/catalog_app/stock.css",
        "/admin/catalog_app/book/?topic=distributed+systems",
        "/admin/catalog_app/book/add/",
    ),
    "order-1": ("/admin/order_app/order/?q=noobs",),
    "order-2": ("/admin/order_app/order/?book=1", "/admin/password_change/"),
}


@pytest.mark.parametrize("node", PAGES)
def test_pages_of_the_admin_answer(shop: Shop, browser: requests.Session, node: str) -> None:
    log_in(browser, shop, node)
    for path in PAGES[node]:
        answer = browser.get(f"{shop.store.url(node)}{path}", timeout=PATIENCE_S)
        assert answer.status_code == 200, path
        assert is_inside(answer), path


@pytest.mark.parametrize("node", ["catalog-1", "order-2"])
def test_admin_is_closed_to_strangers(shop: Shop, browser: requests.Session, node: str) -> None:
    for path in ("/admin/", "/admin/catalog_app/book/", "/admin/order_app/order/"):
        assert not is_inside(browser.get(f"{shop.store.url(node)}{path}", timeout=PATIENCE_S))
