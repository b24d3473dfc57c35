"""Every page of every node says that it runs nothing inline, and has nothing inline."""

from collections import deque
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.client import Shop
from tests.contract.html import Page
from tests.contract.test_browsable import HTML, log_in
from tests.waiting import PATIENCE_S

MOST_PAGES = 150
STARTS = (
    "/",
    "/cluster/",
    "/admin/",
    "/admin/login/",
    "/api-auth/login/",
    "/api/docs/",
    "/api/v1/books/",
    "/api/v1/books/1/restock/",
    "/api/v1/orders/",
    "/purchase/1",
    "/search/distributed%20systems",
    "/nowhere",
)
HOME = {"front": "/api/v1/books/", "catalog-1": "/api/v1/books/", "order-2": "/api/v1/orders/"}
"""A page of the browsable API, which says who is logged in."""
DATA_TYPES = ("application/json", "application/ld+json")


class Inline(HTMLParser):
    """Collects what a policy without `unsafe-inline` would not let pass."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_code = tag == "script" and "src" not in given and given.get("type") not in DATA_TYPES
        if tag == "style" or is_code:
            self.found.append(f"<{tag}> at {self.getpos()}")
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"{tag} {name}={value!r} at {self.getpos()}")


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";")]
    return {name: sources for name, *sources in parts}


def crawl(browser: requests.Session, url: str) -> Iterator[requests.Response]:
    """Answers of the starts and of what they link to, one for each path."""
    seen: set[str] = set(STARTS)
    waiting = deque(STARTS)
    while waiting and len(seen) < MOST_PAGES:
        answer = browser.get(f"{url}{waiting.popleft()}", timeout=PATIENCE_S)
        yield answer
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        for link in Page.of(answer.content).links:
            target = urlsplit(urljoin(answer.url, link))
            is_here = f"{target.scheme}://{target.netloc}" == url and "logout" not in target.path
            if is_here and target.path not in seen:
                seen.add(target.path)
                waiting.append(f"{target.path}?{target.query}" if target.query else target.path)


@pytest.mark.parametrize("is_staff", [False, True], ids=["anybody", "staff"])
@pytest.mark.parametrize("node", ["front", "catalog-1", "order-2"])
def test_no_page_has_anything_inline(shop: Shop, node: str, is_staff: bool) -> None:
    order = shop.front.buy(shop.new_book(quantity=3))  # So that each list has something to show.
    assert order.status == 201
    url, pages = shop.store.url(node), 0
    with requests.Session() as browser:
        browser.headers.update(HTML)
        if is_staff:
            log_in(browser, url, *shop.store.staff, to=HOME[node])
        for answer in crawl(browser, url):
            allowed = directives(answer.headers["Content-Security-Policy"])
            assert allowed["default-src"] == ["'none'"], answer.url
            assert allowed["script-src"] == allowed["style-src"] == ["'self'"], answer.url
            assert not any("unsafe" in source for sources in allowed.values() for source in sources)
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                pages += 1
                reader = Inline()
                reader.feed(answer.text)
                assert not reader.found, answer.url
    assert pages >= 5, "the crawl has met too little to say anything"


def test_a_failed_login_has_nothing_inline(shop: Shop) -> None:
    """Its page looks different from the empty form."""
    for path in ("/api-auth/login/", "/admin/login/"):
        with requests.Session() as browser:
            url = f"{shop.store.url('catalog-1')}{path}"
            page = Page.of(browser.get(url, timeout=PATIENCE_S).content)
            (form,) = (form for form in page.forms if "password" in form.fields)
            filled = {**form.fields, "username": "staff", "password": "wrong"}
            answer = browser.post(url, data=filled, timeout=PATIENCE_S)
        assert "correct" in answer.text
        reader = Inline()
        reader.feed(answer.text)
        assert not reader.found


def test_policy_stands_on_answers_that_no_view_made(shop: Shop) -> None:
    """Hits, files, refusals of the event loop."""
    hit = shop.front.get_hit("/product/1")
    too_large = shop.front.call("POST", "/purchase/1", "x" * 1_100_000)
    assert too_large.status == 413
    file = shop.client("order-1").get("/static/api/pages.css")
    assert file.status == 200
    for answer in (hit, too_large, file, shop.front.get("/healthz")):
        assert "script-src 'self'" in answer.headers["content-security-policy"], answer
