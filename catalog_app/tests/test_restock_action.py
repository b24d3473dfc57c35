"""Restocking books chosen in the admin's list: asked once, done once, in one transaction."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from bookstore_project.api.representations import MAX_STOCK
from bookstore_project.api.tests.api import PASSWORD
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor, head, rows
from catalog_app.admin import choosing
from catalog_app.services import book_retire, book_update
from catalog_app.tests.admin_pages import BOOKS, form_of, text_of

CHOSEN = "_selected_action"


def choose(browser: Client, *books: int, path: str = BOOKS, **more: str) -> Any:
    return browser.post(path, {"action": "restock", "index": "0", CHOSEN: [str(book) for book in books], **more})


def answer_page(browser: Client, asked: Any, *books: int, path: str = BOOKS, **changes: str) -> Any:
    """The page in between, sent as it came but for the changes."""
    fields: dict[str, Any] = dict(form_of(asked, "quantity"))
    return browser.post(path, fields | {CHOSEN: [str(book) for book in books]} | changes, follow=True)


def stocks() -> list[int]:
    found = rows("catalog-2", "SELECT quantity FROM catalog_app_book ORDER BY id")
    return [int(str(quantity)) for (quantity,) in found]


def test_chosen_books_are_restocked_in_one_transaction_after_a_question(root: Client) -> None:
    before = head("catalog-1")
    asked = choose(root, 1, 3)
    assert "2 books" in text_of(asked)
    assert "(50 in stock)" in text_of(asked)
    assert "Home › Books › Restock" in text_of(asked)
    assert head("catalog-1") == before, "it only asks"
    answer = answer_page(root, asked, 1, 3, quantity="5")
    assert "2 books were restocked: 5 copies each." in text_of(answer)
    assert stocks() == [55, 50, 55, 50, 50, 50, 50]
    assert head("catalog-1") == before + 1
    what = "SELECT book_id, kind, change, balance, actor FROM catalog_app_ledgerentry"
    ledger = rows("catalog-2", f"{what} WHERE id > 7")
    assert ledger == [(1, "restock", 5, 55, "root"), (3, "restock", 5, 55, "root")]
    assert sorted(str(entry.object_id) for entry in LogEntry.objects.all()) == ["1", "3"]
    assert_copies_equal("catalog")


def test_a_form_sent_twice_restocks_once(root: Client) -> None:
    asked = choose(root, 1)
    for _ in range(2):
        assert "1 book was restocked: 5 copies each." in text_of(answer_page(root, asked, 1, quantity="5"))
    assert stocks()[0] == 55
    assert LogEntry.objects.count() == 1


def test_a_form_sent_again_with_another_number_is_refused(root: Client) -> None:
    asked = choose(root, 1)
    answer_page(root, asked, 1, quantity="5")
    assert "This form was sent before" in text_of(answer_page(root, asked, 1, quantity="6"))
    assert stocks()[0] == 55


@pytest.mark.parametrize("quantity", ["0", "-1", "1000001", "x", "", "1.5"])
def test_a_number_out_of_bounds_is_shown_beside_its_field(root: Client, quantity: str) -> None:
    asked, before = choose(root, 1), floor("catalog")
    answer = answer_page(root, asked, 1, quantity=quantity)
    assert b"errorlist" in answer.content
    assert floor("catalog") == before


def test_a_shelf_that_would_burst_is_named_and_no_book_is_restocked(root: Client) -> None:
    book_update(book_id=3, fields={"quantity": MAX_STOCK - 2}, actor="root")
    before = floor("catalog")
    answer = answer_page(root, choose(root, 1, 3), 1, 3, quantity="5")
    assert "Xen and the Art of Surviving Undergraduate School" in text_of(answer)
    assert "There is room for 2 more copies." in text_of(answer)
    assert floor("catalog") == before


def test_what_the_filter_does_not_find_any_more_is_restocked_all_the_same(root: Client) -> None:
    """Two assistants restock what is low: the second one's books aren't low any more when he answers."""
    path = f"{BOOKS}?stock=low"
    book_update(book_id=1, fields={"quantity": 3}, actor="root")
    asked = choose(root, 1, path=path)
    book_update(book_id=1, fields={"quantity": 40}, actor="ann")
    answer_page(root, asked, 1, path=path, quantity="5")
    assert stocks()[0] == 45


def test_all_books_of_a_filter_are_chosen_at_once(root: Client) -> None:
    path = f"{BOOKS}?topic=distributed+systems"
    asked = choose(root, 1, path=path, select_across="1")
    assert "2 books" in text_of(asked)


def test_more_books_than_a_transaction_should_take_are_refused(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_AT_ONCE", 2)
    choose(root, 1, 2, 3)
    assert "Choose 2 books at most. Nothing was changed." in text_of(root.get(BOOKS))
    assert "2 books" in text_of(choose(root, 1, 2))


def test_retired_books_are_left_out(root: Client) -> None:
    book_retire(book_id=1, actor="root")
    assert "1 book " in text_of(choose(root, 1, 2))
    choose(root, 1)
    assert "These books are retired, and aren't restocked. Nothing was changed." in text_of(root.get(BOOKS))


def test_a_book_that_is_retired_while_the_page_is_open_refuses_the_whole(root: Client) -> None:
    asked = choose(root, 1, 2)
    book_retire(book_id=2, actor="ann")
    before = floor("catalog")
    assert "There is no book 2." in text_of(answer_page(root, asked, 1, 2, quantity="5"))
    assert floor("catalog") == before


def test_who_may_only_look_cannot_restock(root: Client) -> None:
    ann = User.objects.get(username="ann")
    ann.groups.clear()
    ann.user_permissions.add(Permission.objects.get(codename="view_book"))
    client = Client()
    assert client.login(username="ann", password=PASSWORD)
    asked = choose(root, 1)
    answer_page(client, asked, 1, quantity="5")
    assert stocks()[0] == 50
