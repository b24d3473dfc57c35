"""How long staff waits for the lists of a catalog replica's admin: whole ones, searched and filtered ones."""

import statistics
import time
from collections.abc import Mapping
from http import HTTPStatus

import requests

from tests.contract.html import Page
from tests.store import Store
from tests.waiting import PATIENCE_S

BOOKS, HISTORY, LEDGER = (f"/admin/catalog_app/{name}/" for name in ("book", "bookchange", "ledgerentry"))
PAGES = {
    "list": (BOOKS, f"{BOOKS}?p=999", f"{BOOKS}?o=2", f"{BOOKS}?o=-5", LEDGER, HISTORY),
    "search": (
        *(f"{BOOKS}?q={search}" for search in ("the", "river", "river+of", "9781", "978030", "1984", "zzzq")),
        *(f"{place}?q={search}" for place in (LEDGER, HISTORY) for search in ("the", "river", "9781", "zzzq")),
    ),
    "filter": (
        *(f"{BOOKS}?{chosen}" for chosen in ("topic=poetry", "stock=low", "stock=out", "retired__exact=1")),
        f"{LEDGER}?kind__exact=sale",
        f"{HISTORY}?field__exact=price",
    ),
}
ASKED = 3
"""Times for each page: the median counts."""


def measure(store: Store) -> Mapping[str, float]:
    """Milliseconds from request to answer: of each kind, those of the slowest page."""
    with requests.Session() as browser:
        browser.trust_env = False
        url = store.url("catalog-1")
        _log_in(browser, store, url)
        return {
            f"slowest {kind}, ms": max(1000 * _seconds(browser, f"{url}{path}") for path in paths)
            for kind, paths in PAGES.items()
        }


def _seconds(browser: requests.Session, url: str) -> float:
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        answer = browser.get(url, timeout=PATIENCE_S)
        taken.append(time.perf_counter() - began)
        assert answer.status_code == HTTPStatus.OK, (url, answer.status_code)
        assert "/login/" not in answer.url, url
        assert "?e=1" not in answer.url, f"a filter that the admin doesn't know: {url}"
    return statistics.median(taken)


def _log_in(browser: requests.Session, store: Store, url: str) -> None:
    page = Page.of(browser.get(f"{url}/admin/login/?next=/admin/", timeout=PATIENCE_S).content)
    (form,) = (form for form in page.forms if "password" in form.fields)
    user, password = store.staff
    told = {**form.fields, "username": user, "password": password}
    answer = browser.post(f"{url}{form.action or '/admin/login/'}", data=told, timeout=PATIENCE_S)
    assert answer.status_code == HTTPStatus.OK
