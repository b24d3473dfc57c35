"""Of a whole store, as `make run` starts it: what pages load is compressed, and kept for a year."""

from urllib.parse import urljoin

import pytest
import requests

from tests.client import Shop
from tests.contract.html import Page
from tests.contract.test_browsable import HTML, log_in
from tests.waiting import PATIENCE_S

PAGES = {
    "front": ("/", "/books/1/", "/basket/", "/cluster/", "/api/v1/books/", "/api/docs/", "/api-auth/login/"),
    "catalog-1": ("/admin/catalog_app/book/", "/admin/catalog_app/book/1/change/", "/api/v1/books/", "/api/docs/"),
    "order-2": ("/admin/order_app/order/", "/api/v1/orders/"),
}
HOME = {"front": "/api/v1/books/", "catalog-1": "/api/v1/books/", "order-2": "/api/v1/orders/"}
COMPRESSED = ("text/css", "text/javascript", "image/svg+xml")


@pytest.mark.parametrize("node", PAGES)
def test_all_that_a_page_loads_is_kept_for_a_year_and_compressed(shop: Shop, node: str) -> None:
    url, assets = shop.store.url(node), set()
    with requests.Session() as browser:
        browser.headers.update(HTML)
        log_in(browser, url, *shop.store.staff, to=HOME[node])
        for path in PAGES[node]:
            page = browser.get(f"{url}{path}", timeout=PATIENCE_S)
            assert (page.status_code, page.headers["Content-Encoding"]) == (200, "gzip"), path
            assets |= {urljoin(page.url, asset) for asset in Page.of(page.content).assets if "/static/" in asset}
        assert len(assets) >= 3
        for asset in assets:
            answer = browser.get(asset, headers={"Accept-Encoding": "gzip, br"}, stream=True, timeout=PATIENCE_S)
            assert answer.status_code == 200, asset
            assert answer.headers["Cache-Control"] == f"max-age={365 * 24 * 3600}, public, immutable", asset
            is_short = int(answer.headers["Content-Length"]) < 200
            if answer.headers["Content-Type"].startswith(COMPRESSED) and not is_short:
                assert answer.headers["Content-Encoding"] == "br", asset
                assert "Accept-Encoding" in answer.headers["Vary"], asset
            answer.close()
