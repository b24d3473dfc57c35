"""Taking books that are chosen in the admin's list out of the shop, and putting them back: asked first, done once."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from bookstore_project.api.tests.api import PASSWORD, make_staff
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor, head, rows
from catalog_app.admin import choosing
from catalog_app.services import book_create, book_retire, book_update
from catalog_app.tests.admin_pages import BOOKS, form_of, text_of

CHOSEN = "_selected_action"
ISBN = "9780306406157"


def choose(browser: Client, action: str, *books: int, **more: str) -> Any:
    return browser.post(BOOKS, {"action": action, "index": "0", CHOSEN: [str(book) for book in books], **more})


def confirm(browser: Client, asked: Any, *books: int, **changes: str) -> Any:
    """The page in between, sent as it came but for the changes."""
    fields: dict[str, Any] = dict(form_of(asked, "key"))
    return browser.post(BOOKS, fields | {CHOSEN: [str(book) for book in books]} | changes, follow=True)


def retired() -> list[object]:
    return [key for (key,) in rows("catalog-2", "SELECT id FROM catalog_app_book WHERE retired ORDER BY id")]


def test_chosen_books_are_retired_in_one_transaction_after_a_question(root: Client) -> None:
    before = head("catalog-1")
    asked = choose(root, "retire", 1, 3)
    assert "Home › Books › Retire" in text_of(asked)
    assert "2 books" in text_of(asked)
    assert "(50 in stock)" in text_of(asked)
    assert head("catalog-1") == before, "it only asks"
    assert "2 books were retired." in text_of(confirm(root, asked, 1, 3))
    assert retired() == [1, 3]
    assert head("catalog-1") == before + 1
    history = "SELECT book_id, field, before, after, actor, way FROM catalog_app_bookchange WHERE field = 'retired'"
    assert rows("catalog-2", history) == [
        (1, "retired", "no", "yes", "root", "page"),
        (3, "retired", "no", "yes", "root", "page"),
    ]
    assert sorted((str(each.object_id), each.change_message) for each in LogEntry.objects.all()) == [
        ("1", "Retired."), ("3", "Retired."),
    ]  # fmt: skip
    assert_copies_equal("catalog")


def test_they_are_brought_back_with_the_stock_that_they_had(root: Client) -> None:
    confirm(root, choose(root, "retire", 1, 3), 1, 3)
    asked = choose(root, "bring_back", 1, 2, 3)
    assert "1 of the chosen books is on sale already." in text_of(asked)
    assert "2 books were brought back." in text_of(confirm(root, asked, 1, 3))
    assert retired() == []
    history = "SELECT book_id, before, after FROM catalog_app_bookchange WHERE field = 'retired' AND after = 'no'"
    assert rows("catalog-1", history) == [(1, "yes", "no"), (3, "yes", "no")]
    assert rows("catalog-1", "SELECT quantity FROM catalog_app_book WHERE id IN (1, 3)") == [(50,), (50,)]
    assert_copies_equal("catalog")


@pytest.mark.parametrize("action", ["retire", "bring_back"])
def test_a_form_sent_twice_is_carried_out_once(root: Client, action: str) -> None:
    if action == "bring_back":
        book_retire(book_id=1, actor="root")
    asked = choose(root, action, 1)
    first = confirm(root, asked, 1)
    told = "retired" if action == "retire" else "brought back"
    assert f"1 book was {told}." in text_of(first)
    before = floor("catalog")
    assert f"1 book was {told}." in text_of(confirm(root, asked, 1))
    assert floor("catalog") == before
    assert LogEntry.objects.count() == 1


def test_a_form_without_a_key_asks_again(root: Client) -> None:
    asked = choose(root, "retire", 1)
    assert b"errorlist" in confirm(root, asked, 1, key="x").content
    assert retired() == []


def test_those_that_are_out_already_are_left_out_and_counted(root: Client) -> None:
    for book in (1, 2):
        book_retire(book_id=book, actor="root")
    asked = choose(root, "retire", 1, 2, 3)
    assert "2 of the chosen books are retired already." in text_of(asked)
    confirm(root, asked, 3)
    assert retired() == [1, 2, 3]
    choose(root, "retire", 1)
    assert "These books are retired already. Nothing was changed." in text_of(root.get(BOOKS))
    choose(root, "bring_back", 4)
    assert "These books are on sale already. Nothing was changed." in text_of(root.get(BOOKS))


@pytest.mark.parametrize("action", ["retire", "bring_back"])
def test_a_book_that_somebody_else_moved_meanwhile_refuses_the_whole(root: Client, action: str) -> None:
    if action == "bring_back":
        confirm(root, choose(root, "retire", 1, 2), 1, 2)
    asked = choose(root, action, 1, 2)
    other = choose(root, action, 2)
    confirm(root, other, 2)
    before = floor("catalog")
    answer = text_of(confirm(root, asked, 1, 2))
    assert ("There is no book 2." if action == "retire" else "is on sale already.") in answer
    assert floor("catalog") == before


def test_a_book_whose_isbn_another_one_has_by_now_is_named_and_none_comes_back(root: Client) -> None:
    book_update(book_id=2, fields={"isbn13": ISBN}, actor="root")
    confirm(root, choose(root, "retire", 1, 2), 1, 2)
    new = {"title": "Second edition", "authors": "", "isbn13": ISBN, "topic": "t", "price": "9.90", "quantity": 1}
    book_create(fields=new, actor="root")
    answer = text_of(confirm(root, choose(root, "bring_back", 1, 2), 1, 2))
    assert "Another book with the ISBN-13 of “RPCs for Noobs” is on sale by now." in answer
    assert retired() == [1, 2]


def test_more_books_than_a_transaction_should_take_are_refused(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_AT_ONCE", 2)
    choose(root, "retire", 1, 2, 3)
    assert "Choose 2 books at most. Nothing was changed." in text_of(root.get(BOOKS))
    assert retired() == []


@pytest.mark.parametrize("action", ["retire", "bring_back"])
def test_it_takes_the_permission_to_delete_a_book(root: Client, action: str) -> None:
    book_retire(book_id=2, actor="root")
    changer = make_staff("changer")
    codes = ("view_book", "change_book")
    changer.user_permissions.set(Permission.objects.filter(codename__in=codes))
    browser = Client()
    assert browser.login(username="changer", password=PASSWORD)
    assert f'value="{action}"' not in browser.get(BOOKS).content.decode()
    confirm(browser, choose(root, action, 1, 2), 1 if action == "retire" else 2)
    assert retired() == [2]
    User.objects.get(username="changer").user_permissions.add(Permission.objects.get(codename="delete_book"))
    assert f'value="{action}"' in browser.get(BOOKS).content.decode()
