"""The list of books in the admin: both replicas' stock side by side, and edits that undo nobody's."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from pytest_django import Settings

from bookstore_project.api.tests.api import PASSWORD
from bookstore_project.replication import failpoints, maintenance_log
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import (
    Exclusion,
    Witness,
    read_witness,
    write_witness,
)
from bookstore_project.replication.tests.support.maintenance import Maintenance
from bookstore_project.replication.tests.support.replica_files import (
    assert_copies_equal,
    change_around,
    floor,
    head,
    held,
    rows,
)
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from catalog_app.admin import BookAdmin
from catalog_app.services import add_book, book_restock, book_retire, book_update
from catalog_app.tests.admin_pages import BOOKS, form_of, row_number, row_of, save, text_of
from tests.actors import Actor

COURSE = [
    "How to get a good grade in DOS in 40 minutes a day",
    "RPCs for Noobs",
    "Xen and the Art of Surviving Undergraduate School",
]


def take_out(alias: str) -> None:
    path = get_service("catalog").witness_file
    old = read_witness(path)
    out = {alias: Exclusion("its disk is on fire", "2030-01-01T00:00:00+00:00")}
    in_sync = tuple(name for name in old.in_sync if name != alias)
    write_witness(path, Witness(old.timeline, old.epoch, in_sync, old.floor, old.files, out, old.counter), sync=False)


def ledger(book_id: int) -> list[tuple[object, ...]]:
    return rows(
        "catalog-2",
        f"SELECT kind, change, balance, actor FROM catalog_app_ledgerentry WHERE book_id = {book_id} ORDER BY id",
    )


def stock(book_id: int) -> list[tuple[object, ...]]:
    return rows("catalog-2", f"SELECT price, quantity, version FROM catalog_app_book WHERE id = {book_id}")


def sell(book_id: int = 1, copies: int = 1) -> int:
    """Or what has the same effect: fewer copies, with a ledger row."""
    (quantity,) = rows("catalog-1", f"SELECT quantity FROM catalog_app_book WHERE id = {book_id}")[0]
    assert isinstance(quantity, int)
    return book_update(book_id=book_id, fields={"quantity": quantity - copies}, actor="till").position


# ------------------------------------------------------------------------------------------- side by side


def test_the_list_shows_both_replicas_at_one_moment(root: Client) -> None:
    sell(1, 3)
    answer = root.get(BOOKS)
    assert "catalog-2 was read at the same moment, and has the same." in text_of(answer)
    assert "47 ✓ same" in row_of(answer, COURSE[0])
    assert "50 ✓ same" in row_of(answer, COURSE[1])
    assert "⚠" not in text_of(answer)


def test_each_replica_shows_the_other(root: Client, settings: Settings) -> None:
    settings.REPLICATION = settings.REPLICATION | {"NODE": "catalog-2"}
    change_around("catalog-1", "UPDATE catalog_app_book SET quantity = 48 WHERE id = 2")
    answer = root.get(BOOKS)
    assert "48 ⚠ differs" in row_of(answer, COURSE[1])
    assert form_of(answer, "form-TOTAL_FORMS")["form-1-quantity"] == "50"
    assert f'href="{topology.NODES["catalog-1"].url}{BOOKS}"' in answer.content.decode()


@pytest.mark.parametrize(
    ("damage", "shown"),
    [
        ("UPDATE catalog_app_book SET quantity = 47 WHERE id = 2", "47 ⚠ differs"),
        ("UPDATE catalog_app_book SET price = 1 WHERE id = 2", "50 ⚠ differs: price"),
        ("DELETE FROM catalog_app_book WHERE id = 2", "⚠ isn't there"),
    ],
)
def test_a_difference_is_marked_and_has_the_files_scrubbed(root: Client, damage: str, shown: str) -> None:
    assert not maintenance_log.is_scrub_requested("catalog")
    change_around("catalog-2", "PRAGMA foreign_keys = OFF", damage)
    answer = root.get(BOOKS)
    assert shown in row_of(answer, COURSE[1])
    assert "50 ✓ same" in row_of(answer, COURSE[0])
    assert "1 of these books differs at catalog-2" in text_of(answer)
    assert maintenance_log.is_scrub_requested("catalog")


def test_a_sale_between_the_two_reads_is_no_difference(root: Client) -> None:
    looks: list[int] = []

    def sell_once() -> None:
        looks.append(1)
        if len(looks) == 1:  # This replica's snapshot has begun, the other's hasn't.
            Actor(sell).result()

    failpoints.hooks["gate-snapshot"] = sell_once
    answer = root.get(BOOKS)
    assert "49 … changed just now" in row_of(answer, COURSE[0])
    assert "50 ✓ same" in row_of(answer, COURSE[1])
    assert "⚠" not in text_of(answer)
    assert not maintenance_log.is_scrub_requested("catalog")


def test_a_page_looks_at_the_other_replica_once(root: Client) -> None:
    looks: list[int] = []
    failpoints.hooks["gate-snapshot"] = lambda: looks.append(1)
    root.get(BOOKS)
    assert len(looks) == 2


def test_the_list_opens_when_the_other_replica_is_out_of_sync_and_says_why(root: Client) -> None:
    take_out("catalog-2")
    answer = root.get(BOOKS)
    assert answer.status_code == 200
    assert "catalog-2 isn’t shown: catalog-2 is out of sync: its disk is on fire" in text_of(answer)
    assert "✕ not read" in row_of(answer, COURSE[0])
    assert "This page at catalog-2" not in text_of(answer)


def test_the_list_opens_when_the_other_replicas_file_cannot_be_read(root: Client) -> None:
    connections["catalog-2"].close()
    topology.database_file("catalog-2").unlink()
    answer = root.get(BOOKS)
    assert answer.status_code == 200
    assert "catalog-2 isn’t shown: catalog-2 can't be read" in text_of(answer)


def test_the_list_opens_when_another_program_has_locked_the_other_replicas_file(root: Client) -> None:
    connections["catalog-2"].close()
    with held("catalog-2", "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"):
        answer = root.get(BOOKS)
    assert answer.status_code == 200
    assert "catalog-2 isn’t shown: catalog-2 can't be read: database is locked" in text_of(answer)
    Maintenance(get_service("catalog")).evict_faulty()  # The stranger has merged the -wal: it is checked first.
    assert "has the same" in text_of(root.get(BOOKS))


def test_low_and_sold_out_books_are_found(root: Client) -> None:
    sell(1, 50)
    sell(2, 31)
    sell(3, 30)
    sell(4, 50)
    book_retire(book_id=4, actor="root")
    low, out = root.get(f"{BOOKS}?stock=low"), root.get(f"{BOOKS}?stock=out")
    assert [title in text_of(low) for title in COURSE] == [True, True, False]
    assert [title in text_of(out) for title in COURSE] == [True, False, False]
    assert "Cooking" not in text_of(out), "it is retired"


# ------------------------------------------------------------------------------------------- edits in the list


def test_edits_in_the_list_are_one_transaction_with_corrections(root: Client) -> None:
    shown, before = root.get(BOOKS), head("catalog-1")
    fields = form_of(shown, "form-TOTAL_FORMS")
    first, second = row_number(fields, 1), row_number(fields, 2)
    changes = {f"{first}-price": "9.90", f"{second}-quantity": "12", "_save": "Save"}
    answer = root.post(BOOKS, fields | changes, follow=True)
    assert "2 books were changed successfully." in text_of(answer)
    assert head("catalog-1") == before + 1
    assert (stock(1), stock(2), stock(3)[0][2]) == ([(9.9, 50, 2)], [(25.5, 12, 2)], 1)
    assert ledger(2)[-1] == ("correction", -38, 12, "root")
    assert len(ledger(1)) == 1
    assert_copies_equal("catalog")


def test_a_sale_meanwhile_is_not_undone_by_a_field_that_nobody_touched(root: Client) -> None:
    shown = root.get(BOOKS)
    sell(1)
    assert save(root, shown, 1, price="9.90").status_code == 302
    assert stock(1) == [(9.9, 49, 3)]
    assert ledger(1)[-1] == ("correction", -1, 49, "till")


def test_a_list_that_nobody_touched_changes_nothing(root: Client) -> None:
    shown = root.get(BOOKS)
    position = sell(1)
    assert save(root, shown, 1).status_code == 302
    assert floor("catalog") == position


def test_what_somebody_else_changed_is_not_overwritten_unseen(root: Client) -> None:
    shown = root.get(BOOKS)
    position = sell(1)
    answer = save(root, shown, 1, quantity="60", price="9.90")
    assert answer.status_code == 200
    assert "This is 49 now; it was 50 when the page was shown. Nothing was saved." in row_of(answer, COURSE[0])
    assert floor("catalog") == position
    assert "✕ not read" in row_of(answer, COURSE[1])
    assert "They aren’t compared on a page that tells what wasn’t saved." in text_of(answer)
    fields = form_of(answer, "form-TOTAL_FORMS")
    row = row_number(fields, 1)
    assert (fields[f"{row}-quantity"], fields[f"{row}-price"]) == ("60", "9.90"), "what was typed is lost"
    assert save(root, answer, 1).status_code == 302
    assert stock(1) == [(9.9, 60, 3)]
    assert ledger(1)[-1] == ("correction", 11, 60, "root")


def test_the_same_change_made_twice_is_made_once(root: Client) -> None:
    shown = root.get(BOOKS)
    sell(1, 10)
    before = len(ledger(1))
    assert save(root, shown, 1, quantity="40").status_code == 302
    assert (stock(1)[0][1], len(ledger(1))) == (40, before)


def test_all_that_is_shown_on_one_page_can_be_saved_at_once(root: Client) -> None:
    most = BookAdmin.list_max_show_all

    def fill() -> None:
        for number in range(8, most + 1):
            add_book({"title": f"Book {number}", "topic": "t", "price": "1", "quantity": 1}, "root")

    run("catalog", fill)
    path = f"{BOOKS}?all="
    shown = root.get(path)
    assert form_of(shown, "form-TOTAL_FORMS")["form-TOTAL_FORMS"] == str(most)
    assert save(root, shown, 1, path=path, price="9.90").status_code == 302
    assert stock(1) == [(9.9, 50, 2)]


@pytest.mark.parametrize(
    "wrong", [{"quantity": "-1"}, {"price": "x"}, {"price": "-1"}, {"quantity": "9" * 20}, {"price": ""}]
)
def test_nonsense_in_the_list_is_shown_beside_its_field_and_nothing_is_saved(
    root: Client, wrong: dict[str, str]
) -> None:
    shown, before = root.get(BOOKS), floor("catalog")
    answer = save(root, shown, 1, **wrong)
    assert answer.status_code == 200
    assert "Please correct the error below." in text_of(answer)
    assert floor("catalog") == before


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("price", "-1", "A price can't be below zero."),
        ("quantity", "-1", "There can't be fewer than 0 copies in stock."),
        ("quantity", "1000000001", "There can't be more than 1,000,000,000 copies of a book in stock."),
    ],
)
def test_what_no_shop_can_have_is_refused_in_words(root: Client, field: str, value: str, told: str) -> None:
    """In the list and on a book's page, and not by the name of a rule of the database."""
    page = f"{BOOKS}1/change/"
    sent = {"title": "T", "topic": "t", "price": "1.00", "quantity": "1", field: value}
    for answer in (save(root, root.get(BOOKS), 1, **{field: value}), root.post(page, sent)):
        assert told in unescape(answer.content.decode())
        assert "book_" not in text_of(answer)
        assert "Ensure" not in text_of(answer)


@pytest.mark.parametrize(
    ("query", "count"), [("?q=noobs", 1), ("?stock=low", 0), ("?q=nothing", 0), ("?topic=spring+term", 3)]
)
def test_all_books_are_offered_where_something_narrows_the_list(root: Client, query: str, count: int) -> None:
    assert "how all" not in text_of(root.get(BOOKS))
    assert f"{count} found ( show all )" in text_of(root.get(f"{BOOKS}{query}"))


def test_forms_shown_again_stand_beside_their_own_books(root: Client) -> None:
    """Sorted by stock: a sale in between puts the books into another order."""
    path = f"{BOOKS}?o=4"
    shown = root.get(path)
    assert row_number(form_of(shown, "form-TOTAL_FORMS"), 1) == "form-6"
    sell(1, 20)
    answer = save(root, shown, 1, path=path, quantity="-5")
    line = next(line for line in answer.content.decode().split("<tr>") if 'name="form-6-quantity"' in line)
    assert COURSE[0] in line


def test_who_may_only_look_gets_no_fields(root: Client) -> None:
    ann = User.objects.get(username="ann")
    ann.groups.clear()
    ann.user_permissions.add(Permission.objects.get(codename="view_book"))
    client = Client()
    assert client.login(username="ann", password=PASSWORD)
    answer = client.get(BOOKS)
    assert "50 ✓ same" in row_of(answer, COURSE[0])
    assert "form-0-quantity" not in answer.content.decode()
    before = floor("catalog")
    client.post(BOOKS, form_of(root.get(BOOKS), "form-TOTAL_FORMS") | {"form-0-quantity": "1", "_save": "Save"})
    assert floor("catalog") == before


# --------------------------------------------------------------------------------------------- one book's page


def test_a_books_page_keeps_what_was_sold_meanwhile(root: Client) -> None:
    path = f"{BOOKS}1/change/"
    fields = form_of(root.get(path), "initial-title")
    sell(1)
    assert root.post(path, fields | {"title": "New"}).status_code == 302
    assert rows("catalog-2", "SELECT title, quantity FROM catalog_app_book WHERE id = 1") == [("New", 49)]


def test_a_books_page_does_not_overwrite_another_persons_change_unseen(root: Client) -> None:
    path = f"{BOOKS}1/change/"
    fields = form_of(root.get(path), "initial-title")
    book_update(book_id=1, fields={"title": "Theirs"}, actor="ann")
    answer = root.post(path, fields | {"title": "Mine"})
    assert "This is Theirs now" in text_of(answer)
    again = form_of(answer, "initial-title")
    assert again["title"] == "Mine"
    assert root.post(path, again).status_code == 302
    assert rows("catalog-1", "SELECT title FROM catalog_app_book WHERE id = 1") == [("Mine",)]


def test_a_books_page_has_its_newest_ledger_rows_and_leads_to_all(root: Client) -> None:
    for _ in range(25):
        book_restock(book_id=2, quantity=1, actor="root")
    book_restock(book_id=3, quantity=9, actor="ann")
    answer = root.get(f"{BOOKS}2/change/")
    table = answer.content.decode().partition('<table id="ledger">')[2].partition("</table>")[0]
    balances = [int(copies) for copies in re.findall(r'<td class="field-stock_after">(\d+)</td>', table)]
    assert balances == list(range(75, 55, -1)), "newest first"
    assert "(26 entries)" in text_of(answer)
    everything = text_of(root.get("/admin/catalog_app/ledgerentry/?book=2"))
    assert "26 ledger entries" in everything
    assert "By book" in everything
    assert "ann" not in everything


@pytest.mark.parametrize("book", ["x", "-1", "9" * 30, "", "²"])
def test_the_ledger_of_nonsense_is_refused(root: Client, book: str) -> None:
    answer = root.get("/admin/catalog_app/ledgerentry/", {"book": book})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/catalog_app/ledgerentry/?e=1")


def test_the_ledger_of_no_book_is_empty(root: Client) -> None:
    assert "0 ledger entries" in text_of(root.get("/admin/catalog_app/ledgerentry/?book=99"))


def test_a_damaged_row_is_not_taken_for_another_persons_change(root: Client) -> None:
    shown = root.get(BOOKS)
    change_around("catalog-1", "UPDATE catalog_app_book SET quantity = 48 WHERE id = 1")
    assert save(root, shown, 1, quantity="55").status_code == 302
    assert stock(1)[0][1] == 55
    assert ledger(1)[-1] == ("correction", 5, 55, "root")
    assert read_witness(get_service("catalog").witness_file).in_sync == ("catalog-2",)


def test_no_style_and_no_script_stands_in_the_page(root: Client, seven_books: Path) -> None:
    for path in (BOOKS, f"{BOOKS}1/change/"):
        content = root.get(path).content.decode()
        assert "<style" not in content
        assert "style=" not in content
        assert "<script>" not in content
