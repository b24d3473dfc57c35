"""The catalog with a mouse: the browsable API and the admin, each showing what one may do."""

import re
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from bookstore_project.api.tests.api import send
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor, rows
from bookstore_project.settings import topology

pytestmark = pytest.mark.usefixtures("node")
HTML = {"Accept": "text/html"}


def page(path: str, user: str = "") -> str:
    answer = send("GET", path, as_user=user, sent=HTML)
    assert answer.headers["Content-Type"].startswith("text/html"), answer.content[:300]
    text: str = answer.content.decode()
    assert not re.search(r'(src|href|action)="(https?:)?//', text), "it loads something from elsewhere"
    return text


def forms(text: str) -> set[str]:
    """The methods of the forms on a page that change something."""
    found = set(re.findall(r'data-method="(PUT|PATCH|DELETE)"', text))
    if re.search(r'<form[^>]*method="POST"(?![^>]*data-method)(?![^>]*id="logoutForm)', text):
        found.add("POST")
    return found


@pytest.mark.parametrize("path", ["/api/v1/books/", "/api/v1/books/1/", "/product/1", "/search/spring term"])
@pytest.mark.parametrize("user", ["", "bob"])
def test_visitors_read_pages_without_forms(path: str, user: str) -> None:
    text = page(path, user)
    assert "Spring in the Pioneer Valley" in text or "DOS in 40 minutes" in text
    assert forms(text) == set()


def test_staff_gets_the_forms_for_what_it_may_do() -> None:
    assert "POST" in forms(page("/api/v1/books/", "ann"))
    assert "DELETE" in forms(page("/api/v1/books/1/", "ann"))
    assert "POST" in forms(page("/api/v1/books/1/restock/", "ann"))
    assert forms(page("/search/spring term", "ann")) == set()


def test_problems_have_pages_too() -> None:
    assert "not_found" in page("/product/99")


# ------------------------------------------------------------------------------------------------- admin


def edited(**changes: Any) -> dict[str, Any]:
    fields = {"title": "T", "authors": "", "isbn13": "", "topic": "t", "price": "30.00", "quantity": 50}
    inline = {f"ledger-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    return {**fields, **inline, **changes}


def test_the_admin_wants_a_login() -> None:
    answer = Client().get("/admin/catalog_app/book/")
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "catalog_app/book/",
        "catalog_app/book/?q=noobs",
        "catalog_app/book/?topic=spring+term&retired__exact=0",
        "catalog_app/book/1/change/",
        "catalog_app/book/1/history/",
        "catalog_app/book/add/",
        "catalog_app/ledgerentry/",
        "catalog_app/ledgerentry/?kind__exact=initial&q=noobs",
        "catalog_app/ledgerentry/1/change/",
    ],
)
def test_every_admin_page_renders(root: Client, path: str) -> None:
    answer = root.get(f"/admin/{path}")
    assert answer.status_code == 200, answer.content[:300]
    assert b"</html>" in answer.content


def test_a_price_edited_in_the_admin_is_replicated_and_noted(root: Client) -> None:
    before = floor("catalog")
    answer = root.post("/admin/catalog_app/book/1/change/", edited(price="9.90"))
    assert answer.status_code == 302, answer.content.decode()[:3000]
    for alias in ("catalog-1", "catalog-2"):
        assert rows(alias, "SELECT price, version FROM catalog_app_book WHERE id = 1") == [(9.9, 2)]
    assert floor("catalog") == before + 1
    assert rows("catalog-1", "SELECT count(*) FROM catalog_app_ledgerentry WHERE book_id = 1") == [(1,)]
    assert LogEntry.objects.get().object_id == "1"
    assert_copies_equal("catalog")


def test_a_stock_edited_in_the_admin_is_a_correction(root: Client) -> None:
    assert root.post("/admin/catalog_app/book/1/change/", edited(quantity="12")).status_code == 302
    last = rows(
        "catalog-2", "SELECT kind, change, balance, actor FROM catalog_app_ledgerentry ORDER BY id DESC LIMIT 1"
    )
    assert last == [("correction", -38, 12, "root")]
    assert_copies_equal("catalog")


def test_a_book_added_in_the_admin_begins_its_ledger(root: Client) -> None:
    assert root.post("/admin/catalog_app/book/add/", edited(isbn13="9780306406157")).status_code == 302
    assert rows("catalog-2", "SELECT kind, change FROM catalog_app_ledgerentry WHERE book_id = 8") == [
        ("initial", 50)
    ]
    assert_copies_equal("catalog")


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": "-1"},
        {"price": "NaN"},
        {"quantity": "-1"},
        {"quantity": "9" * 20},
        {"title": ""},
        {"title": "a\x00b"},
        {"isbn13": "123"},
    ],
)
def test_nonsense_in_the_admin_is_shown_and_not_saved(root: Client, wrong: dict[str, str]) -> None:
    before = floor("catalog")
    for path in ("1/change/", "add/"):
        answer = root.post(f"/admin/catalog_app/book/{path}", edited(**wrong))
        assert answer.status_code == 200
        assert b"errorlist" in answer.content
    assert floor("catalog") == before


def test_a_number_that_is_no_isbn_is_named_beside_its_field(root: Client) -> None:
    for digits, why in (("4006381333931", "begins with 978 or 979"), ("9780306406158", "the last one would be 7")):
        answer = root.post("/admin/catalog_app/book/1/change/", edited(isbn13=digits))
        assert why in answer.content.decode()


def test_an_isbn_twice_in_the_admin_is_shown_and_not_saved(root: Client) -> None:
    isbn = "9780306406157"
    assert root.post("/admin/catalog_app/book/1/change/", edited(isbn13=isbn)).status_code == 302
    answer = root.post("/admin/catalog_app/book/2/change/", edited(isbn13=isbn))
    assert b"on sale already" in answer.content
    assert_copies_equal("catalog")


@pytest.mark.parametrize(
    "path", ["book/1/delete/", "ledgerentry/add/", "ledgerentry/1/change/", "ledgerentry/1/delete/"]
)
def test_ledger_and_history_cannot_be_tampered_with(root: Client, path: str) -> None:
    before = floor("catalog")
    assert root.post(f"/admin/catalog_app/{path}", {"post": "yes", "change": "5"}).status_code == 403
    assert floor("catalog") == before


def test_staff_without_permission_sees_no_books(root: Client) -> None:
    ann = User.objects.get(username="ann")
    ann.groups.clear()
    client = Client()
    client.force_login(ann)
    assert client.get("/admin/catalog_app/book/").status_code == 403


def test_an_admin_page_of_a_replica_that_cannot_promise_is_a_503(root: Client) -> None:
    topology.witness_file("catalog").unlink()
    assert root.get("/admin/catalog_app/book/").status_code == 503
    assert root.post("/admin/catalog_app/book/1/change/", edited()).status_code == 503


def test_the_list_shows_what_the_files_hold(root: Client) -> None:
    text = root.get("/admin/catalog_app/book/").content.decode()
    titles = [str(title) for (title,) in rows("catalog-1", "SELECT title FROM catalog_app_book")]
    assert [title for title in titles if title not in text] == []


@pytest.mark.processes
def test_every_node_has_cookies_of_its_own() -> None:
    names = set()
    for node in ("front", "catalog-1", "catalog-2", "order-1"):
        code = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME)"
        environment = {
            "BOOKSTORE_NODE": node,
            "BOOKSTORE_DATA": str(topology.DATA),
            "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.base",
        }
        said = subprocess.run(
            [sys.executable, "-c", code],
            cwd=topology.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        names |= set(said.stdout.split())
    assert len(names) == 8
