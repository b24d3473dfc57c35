"""Books out of the admin's list as a CSV file, and books in from one, by the rules of the command."""

import csv
import io
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connections
from django.test import Client
from pytest_django import Settings

from bookstore_project.api import csv_files
from bookstore_project.api.tests.api import PASSWORD, assert_problem
from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor, head, rows
from bookstore_project.replication.transaction import run
from bookstore_project.settings import topology
from bookstore_project.text.formulas import unguarded
from catalog_app.admin import kept_uploads, upload_form, upload_report, uploading
from catalog_app.importing.columns import choose_columns
from catalog_app.importing.rows import RowParser, make_defaults
from catalog_app.importing.source import open_source
from catalog_app.importing.workbook import Limits
from catalog_app.models import Book
from catalog_app.services import add_book, book_create, book_retire
from catalog_app.spreadsheets import guarded
from catalog_app.tests.admin_pages import BOOKS, form_of, text_of
from catalog_app.tests.workbooks import workbook
from tests.actors import Actor
from tests.waiting import PATIENCE_S

EXPORT, IMPORT = f"{BOOKS}export/", f"{BOOKS}import/"
DANGEROUS = ["=1+1", "+1", "-30-", "@home", "'=1+1", "''@", "＝1", '=HYPERLINK("http://x", "y")']
HARMLESS = ["'Salem's Lot", "a, b; c", 'He said "no"', "Ünï 📖", "1984", "''", "a=b"]


def exported(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def upload(browser: Client, content: bytes | str, **wishes: Any) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    return browser.post(IMPORT, {"file": SimpleUploadedFile("books.csv", raw), **wishes})


def add_books(*titles: str) -> None:
    def add() -> None:
        for title in titles:
            add_book({"title": title, "authors": title, "topic": "odd", "price": "9.90", "quantity": 3}, "root")

    run("catalog", add)


# --------------------------------------------------------------------------------------------------- export


def test_the_list_is_exported_with_its_filters_in_its_order_on_all_pages(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog_app.admin.books.BookAdmin.list_per_page", 1)
    book_retire(book_id=2, actor="root")
    answer = root.get(f"{EXPORT}?topic=distributed+systems&o=-1")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="books.csv"'
    found = table(exported(answer))
    assert [(row["id"], row["retired"], row["price"], row["quantity"]) for row in found] == [
        ("2", "yes", "25.50", "50"),
        ("1", "no", "30.00", "50"),
    ]
    assert f'href="{EXPORT}?o=-1&amp;q=noobs"' in root.get(f"{BOOKS}?q=noobs&o=-1").content.decode()


def test_a_retired_book_is_left_out_whoever_has_its_isbn_by_now(root: Client) -> None:
    for title in ("Emma", "Persuasion"):
        fields = {"title": title, "isbn13": "9780306406157", "topic": "novels", "price": "9.90", "quantity": 1}
        made = book_create(fields=fields | {"authors": "Jane Austen"}, actor="ann").changes[0].after
        assert made is not None
        if title == "Emma":
            book_retire(book_id=made["id"], actor="ann")
    content = exported(root.get(f"{EXPORT}?o=1"))
    assert content.index(b"Emma") < content.index(b"Persuasion")
    position = head("catalog-1")
    told = text_of(upload(root, content, update="on"))
    assert "0 imported, 8 already there, 1 retired and left out, 0 rejected." in told
    assert head("catalog-1") == position


def test_a_file_is_of_one_moment_and_outlives_the_read(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sold while it downloads isn't in it, and no snapshot is held meanwhile."""
    monkeypatch.setattr(csv_files, "IN_MEMORY_BYTES", 10)
    answer = root.get(EXPORT)
    Actor(lambda: add_books("New")).result()
    run("catalog", lambda: Book.objects.filter(pk=1).update(price=1, version=2))
    found = table(exported(answer))
    assert [row["title"] for row in found if row["title"] == "New"] == []
    assert found[0]["price"] == "30.00"
    answer.close()


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_cell_is_a_formula_to_a_spreadsheet(root: Client, text: str) -> None:
    add_books(text)
    content = exported(root.get(EXPORT))
    assert content.startswith(b"\xef\xbb\xbf"), "or a spreadsheet takes it for another encoding"
    row = table(content)[-1]
    assert row["title"] == row["authors"] == f"'{text}"
    assert unguarded(row["title"]) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_exported_as_it_is(text: str) -> None:
    assert guarded(text) == unguarded(text) == text


@pytest.mark.parametrize("begin", ["\t", "\r", "\n"])
def test_white_space_that_spreadsheets_skip_is_guarded_too(begin: str) -> None:
    assert guarded(f"{begin}=1") == f"'{begin}=1"
    assert unguarded(guarded(f"{begin}=1")) == f"{begin}=1"


def test_an_import_takes_an_export_back_unharmed(root: Client, tmp_path: Path) -> None:
    add_books(*DANGEROUS, *HARMLESS)
    path = tmp_path / "books.csv"
    path.write_bytes(exported(root.get(EXPORT)))
    names = ("title", "authors", "topic", "price", "quantity")
    with open_source(path) as source:
        parser = RowParser(
            choose_columns(source.header, {}), source.header, make_defaults(None, None, None), strict_isbn=True
        )
        taken = [tuple(str(getattr(row, name)) for name in names) for row in map(parser.parse, source.records)]
    held = rows("catalog-2", f"SELECT {', '.join(names)} FROM catalog_app_book ORDER BY id")
    assert taken == [(*map(str, row[:3]), f"{row[3]:.2f}", str(row[4])) for row in held]
    position = head("catalog-1")
    answer = upload(root, path.read_bytes(), update="on")
    assert f"0 imported, {len(held)} already there" in text_of(answer)
    assert "repeated" not in text_of(answer), "several of one title, too, have ids of their own"
    assert "0 rejected." in text_of(answer)
    assert head("catalog-1") == position, "nothing differed"


def test_a_filter_that_makes_no_sense_leads_back_to_the_list(root: Client) -> None:
    answer = root.get(f"{EXPORT}?price=x")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{BOOKS}?e=1")


def test_a_replica_that_cannot_be_read_exports_nothing(root: Client) -> None:
    topology.witness_file("catalog").unlink()
    assert root.get(EXPORT).status_code == 503
    assert root.get(IMPORT).status_code == 503


# --------------------------------------------------------------------------------------------------- import


def test_an_uploaded_file_is_imported_and_told_line_by_line(root: Client) -> None:
    content = 'title;author;price;stock\nDune;Herbert;"9,90";7\n;Nobody;1;1\nEmma;Austen;x;-1\nDune;Herbert;9;1\n'
    answer = upload(root, content, topic="classics")
    text = text_of(answer)
    assert answer.status_code == 200
    assert "Importing title from 'title', authors from 'author', price from 'price', quantity from 'stock'" in text
    assert "1 imported, 0 already there, 3 rejected (see below)." in text
    assert "3 title: This field may not be blank" in text
    assert "4 price x not a price" in text
    assert "4 stock -1 There can't be fewer than 0 copies in stock" in text
    assert "5 the book of line 2 again, with price 9.00 instead of 9.90, quantity 1 instead of 7" in text
    held = rows("catalog-2", "SELECT title, authors, topic, price, quantity FROM catalog_app_book WHERE id > 7")
    assert held == [("Dune", "Herbert", "classics", 9.9, 7)]
    ledger = rows("catalog-2", "SELECT kind, change, actor FROM catalog_app_ledgerentry WHERE book_id > 7")
    assert ledger == [("initial", 7, "root")]
    assert_copies_equal("catalog")


def test_the_options_are_those_of_the_command(root: Client) -> None:
    upload(root, "name,what,price\nDune,sf,1\n")
    columns = {"column_title": "#1", "column_topic": "#2", "column_price": "-"}
    wishes = {**columns, "price": "3.50", "stock": "2", "update": "on"}
    content = "name,what,price\nDune,sci-fi,9\nEmma,novel,9\n".encode("utf-16")
    answer = upload(root, content, encoding="utf-16", **wishes)
    assert "1 imported, 0 already there, 1 updated, 0 rejected." in text_of(answer)
    held = rows("catalog-1", "SELECT title, topic, price, quantity FROM catalog_app_book WHERE id > 7")
    assert held == [("Dune", "sci-fi", 3.5, 20), ("Emma", "novel", 3.5, 2)]


@pytest.mark.parametrize(
    ("content", "wishes", "said"),
    [
        (b"", {}, "books.csv is empty: there is no header to go by."),
        (
            b"\x00\x01\x02",
            {},
            "doesn't begin with a header in that encoding, or is no table. Choose the encoding below.",
        ),
        (b"a,b\n1,2\n", {}, "No column looks like the title. The columns are: a, b. Choose it below"),
        (b"title\nx\n", {"encoding": "klingon"}, "There is no encoding 'klingon'"),
        (b"title\nx\n", {"price": "x"}, "The default for price"),
        (b"title\nx\n", {"column_title": "#7"}, "There is no column '#7' for title"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(
    root: Client, content: bytes, wishes: dict[str, str], said: str
) -> None:
    before = floor("catalog")
    answer = upload(root, content, **wishes)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert floor("catalog") == before


def test_of_many_rejected_rows_the_first_are_shown_and_the_others_counted(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_report, "MOST_SHOWN", 3)
    text = text_of(upload(root, "title,price\n" + "a,x\n" * 10))
    assert "10 rejected" in text
    assert "Rejected: 10, of which the first are" in text
    assert "4 price x not a price" in text
    assert "5 price x not a price" not in text


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_larger_file_is_for_the_command(root: Client, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(upload_form, "MOST_BYTES", 100)
    monkeypatch.setattr(upload_form, "MOST_LINES", 20)
    before = floor("catalog")
    answer = upload(root, f"title{end}" + "x" * 100)
    assert "The file is larger than 1 MiB: split it" in text_of(answer)
    answer = upload(root, f"title{end}" + f"x{end}" * 20)
    assert "The file has more than 20 lines: split it" in text_of(answer)
    assert floor("catalog") == before


@pytest.mark.parametrize("letter", ["\u0a05", "\u0d05"])
def test_no_letter_of_utf_16_is_taken_for_the_end_of_a_line(
    root: Client, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    """A half of each of these is that of a line feed, or of a carriage return."""
    monkeypatch.setattr(upload_form, "MOST_LINES", 20)
    text = text_of(upload(root, f"title,price\n{letter * 30},5\n".encode("utf-16")))
    assert "Found the encoding UTF-16" in text
    assert "1 imported" in text


def test_a_much_larger_one_is_refused_before_it_is_spooled(root: Client, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    assert_problem(upload(root, "x" * 1000), 413, "payload_too_large")


def test_a_refusal_is_a_page_for_a_browser(root: Client, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    root.defaults["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    refused = upload(root, "x" * 1000)
    assert refused.status_code == 413
    assert refused.headers["Content-Type"].startswith("text/html")
    assert "The upload is larger than" in text_of(refused)
    missing = root.get("/admin/nothing/")
    assert (missing.status_code, "There is nothing at /admin/nothing/." in text_of(missing)) == (404, True)
    assert root.get("/nothing").headers["Content-Type"].startswith("text/html")
    assert_problem(root.get("/nothing", headers={"Accept": "application/json"}), 404, "not_found")


def test_a_refusal_needs_no_accounts(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    stranger.cookies = root.cookies
    assert "This form is too old" in text_of(stranger.post(BOOKS))

    def fail(*args: Any, **options: Any) -> None:
        connections[topology.ACCOUNTS].errors_occurred = True
        raise DatabaseError("file is not a database")

    with monkeypatch.context() as broken:
        broken.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
        assert "This form is too old" in text_of(stranger.post(BOOKS))


def test_an_import_that_the_store_interrupts_keeps_whole_batches_and_goes_on(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "BATCH_SIZE", 2)
    monkeypatch.setattr(uploading, "PATIENCE_S", 0.0)
    content = "title\nA\nB\nC\nD\nE\n"
    began: list[int] = []

    def break_down_later() -> None:
        began.append(1)
        if len(began) == 2:
            raise Unavailable("The disk is on fire.")

    failpoints.hooks["before-commit"] = break_down_later
    answer = upload(root, content)
    assert answer.status_code == 503
    assert "The disk is on fire. 2 new books are in for certain, in whole batches." in text_of(answer)
    assert rows("catalog-2", "SELECT title FROM catalog_app_book WHERE id > 7") == [("A",), ("B",)]
    assert "3 imported, 2 already there" in text_of(upload(root, content))
    assert_copies_equal("catalog")


def test_the_form_says_where_one_is(root: Client) -> None:
    assert "Home › Books › Import" in text_of(root.get(IMPORT))


def test_no_file_is_no_import(root: Client) -> None:
    assert "This field is required." in text_of(root.post(IMPORT, {}))


def test_who_may_not_add_books_may_not_import(root: Client) -> None:
    ann = User.objects.get(username="ann")
    ann.groups.clear()
    client = Client(raise_request_exception=False)
    assert client.login(username="ann", password=PASSWORD)
    for path in (EXPORT, IMPORT):
        assert client.get(path).status_code == 403
    assert Client().get(EXPORT).status_code == 302
    ann.user_permissions.add(Permission.objects.get(codename="view_book"))
    assert exported(client.get(EXPORT))
    assert IMPORT not in client.get(BOOKS).content.decode()
    assert upload(client, "title\nx\n").status_code == 403
    ann.user_permissions.add(Permission.objects.get(codename="add_book"))
    assert upload(client, "title\nx\n").status_code == 200
    assert upload(client, "title\nx\n", update="on").status_code == 403
    assert "update" not in form_of(client.get(IMPORT), "held_upload")


# -------------------------------------------------------------------------------------------------- preview


def kept(shown: Any) -> dict[str, str]:
    """The form of a page that was shown, as its button *Import* sends it."""
    return {name: value for name, value in form_of(shown, "held_upload").items() if name not in ("_preview", "file")}


def test_a_preview_shows_what_would_be_done_and_imports_that_very_file(root: Client) -> None:
    before = floor("catalog")
    shown = upload(root, "Titel;Preis;x\nDune;9,90\nEmma;1,234\nDune;9,90\n;;y", _preview="Preview", topic="classics")
    text = text_of(shown)
    assert shown.status_code == 200
    assert "4 rows read. Nothing was written yet." in text
    assert "Would be added: 1 Line Book As 2 Dune ISBN -, classics, 9.90, stock 20" in text
    assert "Would be changed: 0" in text
    assert "Would be rejected: 1 Line Column Cell Reason 3 Preis 1,234 may be 1234 or 1.234" in text
    assert "Repeated within the file: 1 Blank in all columns that count: 1" in text
    assert (repeats := "Rows that say nothing new Line What 4 the book of line 2 again") in text
    assert floor("catalog") == before
    for _ in range(2):
        done = root.post(IMPORT, kept(shown))
        assert "1 imported, 0 already there, 1 repeated within the file, 1 blank" in text_of(done)
        assert repeats in text_of(done)
    assert rows("catalog-2", "SELECT title, topic FROM catalog_app_book WHERE id > 7") == [("Dune", "classics")]


def test_the_columns_are_chosen_on_the_page(root: Client) -> None:
    asked = upload(root, "name;net price;gross price\nDune;1;2\n", _preview="Preview")
    assert asked.status_code == 400
    assert "Is one of these columns the price: 'net price', 'gross price'? Choose it below" in text_of(asked)
    assert "--" not in text_of(asked)
    page = asked.content.decode()
    assert '<option value="#3">3: gross price</option>' in page
    assert "1 imported" in text_of(root.post(IMPORT, kept(asked) | {"column_price": "#3"}))
    assert rows("catalog-1", "SELECT title, price FROM catalog_app_book WHERE id > 7") == [("Dune", 2)]


def test_rejected_rows_are_a_file_for_the_one_who_sent_them(root: Client) -> None:
    answer = upload(root, "title,price\nDune,x\n")
    (address,) = re.findall(r'href="([^"]*/rejected/[^"]*)"', answer.content.decode())
    content = exported(root.get(address))
    assert table(content)[0]["reason"] == 'column "price", cell "x": not a price'
    corrected = content.decode("utf-8-sig").replace(",x\n", ",9.90\n")
    assert "1 imported" in text_of(upload(root, corrected))
    other = Client(raise_request_exception=False)
    other.force_login(User.objects.create_superuser("zoe"))
    assert other.get(address).status_code == 404
    assert Client().get(address).status_code == 302
    assert root.get(f"{IMPORT}rejected/{'0' * 32}/").status_code == 404
    assert root.post(address).status_code == 405


def test_an_upload_that_is_no_longer_there_is_asked_for_again(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = upload(root, "title\nDune\n", _preview="Preview")
    fields = kept(shown)
    monkeypatch.setattr(kept_uploads, "MOST_KEPT", 2)
    for _ in range(2):
        upload(root, "title\nEmma\n", _preview="Preview")
    assert len(list((topology.DATA / "uploads").iterdir())) == 2
    assert "The file is no longer there: choose it again." in text_of(root.post(IMPORT, fields))
    assert "The file is no longer there" in text_of(root.post(IMPORT, fields | {"held_upload": "../../x"}))


def test_a_form_that_is_sent_again_does_nothing_again(root: Client) -> None:
    """A reload sends the same form; meanwhile somebody has corrected the book."""
    fields = blank_form(root) | {"update": "on"}
    assert "1 imported" in text_of(upload(root, "title,price\nTypoo,1.00\n", **fields))
    run("catalog", lambda: Book.objects.filter(title="Typoo").update(title="Typo", title_key="typo", version=2))
    position = head("catalog-1")
    again = text_of(upload(root, "title,price\nTypoo,1.00\n", **fields))
    assert "This form was sent before. Nothing was done again; what it did then:" in again
    assert "1 imported" in again
    assert head("catalog-1") == position
    shown = upload(root, "title,price\nTypoo,1.00\n", **fields, _preview="Preview")
    assert "Would be added: 1" in text_of(shown)
    assert "1 imported" in text_of(root.post(IMPORT, kept(shown)))
    assert "Nothing was done again" in text_of(root.post(IMPORT, kept(shown)))


def blank_form(browser: Client) -> dict[str, str]:
    """The form before a file is chosen, as its button *Import* sends it."""
    return kept(browser.get(IMPORT))


def test_another_file_or_other_options_in_a_form_that_was_sent_before_are_another_import(root: Client) -> None:
    fields = blank_form(root)
    assert "1 imported" in text_of(upload(root, "title,price\nDune,1.00\n", **fields))
    other = text_of(upload(root, "title,price\nEmma,2.00\nDune,3.00\n", **fields))
    assert "1 imported, 1 already there, 0 rejected." in other
    updated = text_of(upload(root, "title,price\nEmma,2.00\nDune,3.00\n", **fields, update="on"))
    assert "0 imported, 1 already there, 1 updated, 0 rejected." in updated
    assert not any("Nothing was done again" in told for told in (other, updated))
    position = head("catalog-1")
    for content in ("title,price\nDune,1.00\n", "title,price\nEmma,2.00\nDune,3.00\n"):
        assert "Nothing was done again" in text_of(upload(root, content, **fields))
    assert head("catalog-1") == position
    assert rows("catalog-2", "SELECT title, price FROM catalog_app_book WHERE id > 7") == [("Dune", 3), ("Emma", 2)]


def test_a_form_that_is_sent_twice_at_once_is_imported_once(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = blank_form(root)
    has_begun, are_both_there = threading.Event(), threading.Event()

    def wait_for_the_other() -> None:
        has_begun.set()
        assert are_both_there.wait(PATIENCE_S)

    def hold_and_tell(*upload: Any) -> kept_uploads.KeptUpload:
        kept = kept_uploads.keep(*upload)
        if has_begun.is_set():
            are_both_there.set()
        return kept

    failpoints.hooks["before-commit"] = wait_for_the_other
    monkeypatch.setattr(uploading, "keep", hold_and_tell)

    def send() -> str:
        return text_of(upload(root, "title\nDune\n", **fields))

    first = Actor(send)
    assert has_begun.wait(PATIENCE_S)
    second = Actor(send)
    told = [str(first.result()), str(second.result())]
    assert all("1 imported, 0 already there" in each for each in told)
    assert ["Nothing was done again" in each for each in told] == [False, True]


def test_of_two_who_keep_the_same_upload_at_once_the_faster_one_does(
    empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = kept_uploads.import_token(kept_uploads.new_token(), b"title", {})
    first = kept_uploads.keep(b"title", "first.csv", 7, token)
    monkeypatch.setattr(kept_uploads, "find_kept", lambda *_: None)
    assert kept_uploads.keep(b"title", "second.csv", 7, token) == first
    assert (first.name, first.content.read_bytes()) == ("first.csv", b"title")
    assert list((topology.DATA / "uploads").iterdir()) == [first.folder]


def test_a_reload_shows_the_rejected_rows_of_its_own_import_again(root: Client) -> None:
    fields, content = blank_form(root), "title,price,isbn\nDune,x,\nEmma,1.00,123\n"
    first = upload(root, content, **fields)
    upload(root, "title,price,isbn\nEmil,y,\n", **fields)
    again = upload(root, content, **fields)
    for answer in (first, again):
        assert "1 rejected (see below)" in text_of(answer)
        assert "Rejected: 1 Line Column Cell Reason 2 price x not a price" in text_of(answer)
        assert "Left out of rows that went in Line Column Cell What 3 isbn 123" in text_of(answer)
        (address,) = re.findall(r'href="([^"]*/rejected/[^"]*)"', answer.content.decode())
        assert table(exported(root.get(address)))[0]["title"] == "Dune"
    assert '<option value="#2">2: price</option>' in again.content.decode()


def test_columns_that_were_chosen_for_a_file_mean_nothing_to_another(root: Client) -> None:
    shown = upload(root, "title,net price,gross price\nDune,1,2\n", _preview="Preview")
    fields = kept(shown) | {"column_price": "#2"}
    answer = upload(root, "Title,Stock,Price\nEmma,3,9.90\n", **fields)
    assert "The columns that were chosen are those of another file" in text_of(answer)
    assert "price from 'Price', quantity from 'Stock'" in text_of(answer)
    assert kept(answer).get("column_price", "") == ""
    assert "1 imported" in text_of(upload(root, "title,net price,gross price\nEmil,1,2\n", **fields))
    held = rows("catalog-1", "SELECT title, price, quantity FROM catalog_app_book WHERE id > 7")
    assert held == [("Emma", 9.9, 3), ("Emil", 1, 20)]


def test_a_file_that_is_read_in_another_way_has_its_columns_chosen_again(root: Client) -> None:
    content = "title,Prïce,other price\nDune,1,2\n".encode("cp1252")
    shown = upload(root, content, encoding="cp1251", column_price="#3", _preview="Preview")
    fields = kept(shown) | {"encoding": "cp1252"}
    assert "1 imported" in text_of(root.post(IMPORT, kept(shown))), "the choice stays while the header does"
    position = head("catalog-1")
    asked = root.post(IMPORT, fields)
    assert asked.status_code == 400
    assert "The columns were chosen from another header than this: choose them below again." in text_of(asked)
    assert '<option value="#2">2: Prïce</option>' in asked.content.decode()
    assert head("catalog-1") == position
    assert "1 already there" in text_of(root.post(IMPORT, kept(asked) | {"column_price": "#3"}))


def test_one_column_is_not_chosen_for_two_fields(root: Client) -> None:
    answer = upload(root, "title,a,b\nDune,1,2\n", column_price="#2", column_quantity="#2")
    assert answer.status_code == 400
    assert "Column 'a' can't be both price and quantity. Choose it below, among the columns." in text_of(answer)


def test_who_was_logged_out_before_an_import_is_told_that_nothing_came_of_it(root: Client) -> None:
    shown = upload(root, "title\nDune\n", _preview="Preview")
    position = head("catalog-1")
    root.session.flush()
    refused = root.post(IMPORT, kept(shown))
    assert refused.status_code == 302
    login = {"username": "root", "password": PASSWORD}
    form = text_of(root.post(refused.headers["Location"], login, follow=True))
    assert "Nothing was imported: you were no longer logged in when the form was sent. Choose the file again." in form
    assert head("catalog-1") == position
    assert "Nothing was imported" not in text_of(root.get(IMPORT))
    assert f'action="{IMPORT}"' in root.get(f"{IMPORT}?lost").content.decode(), "or its answer has the flag, too"


def test_nobody_else_sweeps_an_upload_away(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = upload(root, "title\nDune\n", _preview="Preview")
    monkeypatch.setattr(kept_uploads, "MOST_KEPT", 2)
    other = Client(raise_request_exception=False)
    other.force_login(User.objects.create_superuser("zoe"))
    for _ in range(3):
        upload(other, "title\nEmma\n", _preview="Preview")
    assert "1 imported" in text_of(root.post(IMPORT, kept(shown)))


def test_an_upload_that_goes_while_it_is_taken_is_asked_for_again(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = upload(root, "title\nDune\n", _preview="Preview")

    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(uploading, "_open", gone)
    answer = root.post(IMPORT, kept(shown))
    assert answer.status_code == 400
    assert "The file is no longer there: choose it again." in text_of(answer)


def test_folders_that_others_sweep_meanwhile_are_no_error(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(root, "title\nDune\n", _preview="Preview")
    (topology.DATA / "uploads" / "9-gone").symlink_to("nowhere")
    assert upload(root, "title\nEmma\n", _preview="Preview").status_code == 200


def test_a_preview_needs_a_store_that_can_be_read(root: Client) -> None:
    topology.witness_file("catalog").unlink()
    answer = upload(root, "title\nDune\n", _preview="Preview")
    assert answer.status_code == 503
    assert "Nothing was written" in text_of(answer)


def test_a_workbook_is_imported_within_the_limits_of_the_page(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    content = workbook({"Books": [("Title", "Price"), ("Dune", 9.9)]})
    monkeypatch.setattr(uploading, "LIMITS", Limits(rows=1))
    refused = upload(root, content)
    assert refused.status_code == 400
    assert "holds more than 1 rows" in text_of(refused)
    monkeypatch.undo()
    assert "1 imported" in text_of(upload(root, content))
