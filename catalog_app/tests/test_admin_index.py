"""The admin's index and lists, as whoever works with them every day sees them."""

import re
import uuid

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.test import Client

from bookstore_project.api.sales import Line
from catalog_app.sales import order_sell
from catalog_app.services import book_retire
from catalog_app.tests.admin_pages import BOOKS, row_of, text_of

COUNTED = re.compile(r"[\w ]*s( of \w+)?$")
MODELS = re.compile(r'<tr class="model-(\w+)')


def test_books_come_first_and_accounts_last(root: Client) -> None:
    models = MODELS.findall(root.get("/admin/").content.decode())
    assert list(dict.fromkeys(models)) == [
        "book",
        "bookchange",
        "ledgerentry",
        "order",
        "user",
        "group",
        "tokenproxy",
    ]


def test_what_is_counted_has_a_plural() -> None:
    """`15 changes of books`, not `15 history of books`."""
    names = [model._meta for model in apps.get_models()]
    assert [str(each.verbose_name_plural) for each in names if not COUNTED.match(str(each.verbose_name_plural))] == []
    assert [each.label for each in names if each.verbose_name_plural == each.verbose_name] == []


@pytest.mark.parametrize("path", [BOOKS, f"{BOOKS}2/change/", "/admin/auth/user/"])
def test_what_is_normal_has_no_cross(root: Client, path: str) -> None:
    assert "icon-no" not in root.get(path).content.decode()


def test_a_retired_book_is_called_so_in_the_list_and_on_its_page(root: Client) -> None:
    book_retire(book_id=2, actor="ann")
    assert row_of(root.get(BOOKS), "RPCs for Noobs").endswith("retired")
    assert not row_of(root.get(BOOKS), "Why theory classes are so hard").endswith("retired")
    root.force_login(viewer())
    assert "Retired: yes" in text_of(root.get(f"{BOOKS}2/change/"))
    assert "Retired: no" in text_of(root.get(f"{BOOKS}3/change/"))
    assert "icon-no" not in root.get(f"{BOOKS}3/change/").content.decode()


def viewer() -> User:
    eve = User.objects.create_user("eve", is_staff=True)
    eve.user_permissions.add(Permission.objects.get(codename="view_book"))
    return eve


def test_the_list_of_accounts_tells_their_rights_in_words(root: Client) -> None:
    words = text_of(root.get("/admin/auth/user/"))
    assert re.search("ann (- )*staff bob (- )*root (- )*everything", words)


def test_the_list_of_the_ledger_tells_rows_in_the_words_of_a_books_page(root: Client) -> None:
    order = uuid.UUID("6f1c2b5e-0000-4000-8000-000000000001")
    order_sell(order=order, lines=[Line(2, 3)], deadline=None, is_first_attempt=False)
    listed, page = root.get("/admin/catalog_app/ledgerentry/"), root.get(f"{BOOKS}2/change/")
    assert "When What Title Copies Stock after it Order Who" in text_of(listed)
    assert re.search(r"Sale RPCs for Noobs -3 47 6F1C 2B5E", text_of(listed))
    assert re.search(r"Sale -3 47 6F1C 2B5E", text_of(page))


def test_filters_of_the_history_are_named_by_one_word(root: Client) -> None:
    words = text_of(root.get("/admin/catalog_app/bookchange/"))
    assert "By way " in words
    assert "By by" not in words


def test_a_new_book_has_no_version_yet(root: Client) -> None:
    assert "Version" not in text_of(root.get(f"{BOOKS}add/"))
    assert "Version" in text_of(root.get(f"{BOOKS}2/change/"))


def test_accounts_are_called_so(root: Client) -> None:
    words = text_of(root.get("/admin/"))
    assert re.search("Accounts .* Users", words)
    assert "Authentication" not in words
