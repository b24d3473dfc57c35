"""Texts of books: one form and one search key each, however they are written; found and sorted as people do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connections
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client

from bookstore_project.api import problems
from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication import events, reads, rows, texts
from bookstore_project.replication.errors import WriteRefused
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor
from bookstore_project.replication.tests.support.replica_files import rows as read
from bookstore_project.replication.transaction import run
from bookstore_project.text.search_keys import search_key
from catalog_app.models import Book, LedgerEntry
from catalog_app.services import add_book, book_create, book_retire, book_update
from catalog_app.tests.admin_pages import BOOKS, form_of, text_of

NEXT = F("version") + 1
LEDGER = "/admin/catalog_app/ledgerentry/"
SHELF = [
    ("Love in the Time of Cholera", "Gabriel García Márquez"),
    ("Jane Eyre", "Charlotte Brontë"),
    ("I Don’t Know", "A. Straße"),
    ("L'Étranger", "Albert Camus"),
    ("Spider-Man", "Stan Lee"),
    ("The Hobbit", "J. R. R. Tolkien"),
    ("Ὀδύσσεια", "Ὅμηρος"),
    ("Преступление и наказание", "Фёдор Достоевский"),
    ("雪国", "川端 康成"),
    ("İnce Memed", "Yaşar Kemal"),
    ("אלף לילה ולילה", ""),
    ("100% 👍_\\", "O'Reilly"),
    ("?!", "Nobody"),
    ("Ræven & Bjørnen", "Łukasz Ørsted"),
]


def shelve(*books: tuple[str, str]) -> None:
    def add() -> None:
        for title, authors in books:
            add_book({"title": title, "authors": authors, "topic": "texts", "price": "9.90", "quantity": 1}, "ann")

    run("catalog", add)


def keys(book_id: int = 1) -> tuple[Any, ...]:
    (row,) = read(
        "catalog-2", f"SELECT title, title_key, authors_key, topic_key FROM catalog_app_book WHERE id = {book_id}"
    )
    return row


def titles(query: str) -> list[str]:
    answer = send("GET", f"/api/v1/books/?topic=texts&page_size=100&{query}")
    assert answer.status_code == 200, answer.content
    return [book["title"] for book in answer.json()["results"]]


# ------------------------------------------------------------------------------------ however it is written


def _saved() -> None:
    book = Book.objects.get(pk=1)
    book.title = "  Cafe\u0301\u00a0ÉTÉ "
    book.save()
    assert book.title == "Café ÉTÉ"


def _saved_in_part() -> None:
    book = Book.objects.get(pk=1)
    book.title = "Cafe\u0301 ÉTÉ"
    book.save(update_fields=["title"])


def _bulk_updated() -> None:
    book = Book.objects.get(pk=1)
    book.title, book.version = "Cafe\u0301  ÉTÉ", 2
    Book.objects.bulk_update([book], ["title", "version"])


def _loaded(tmp_path: Path) -> None:
    fixture = tmp_path / "book.json"
    fixture.write_text(
        '[{"model": "catalog_app.book", "pk": 1, "fields": {"title": "Cafe\\u0301  ÉTÉ", "topic": "t", "price": "1",'
        ' "quantity": 50, "version": 2}}]'
    )
    call_command("loaddata", str(fixture), database="catalog-1", verbosity=0)


WAYS: dict[str, Callable[[], Any]] = {
    "save": _saved,
    "save of one field": _saved_in_part,
    "update": lambda: Book.objects.filter(pk=1).update(title="Cafe\u0301\tÉTÉ", version=NEXT),
    "bulk_update": _bulk_updated,
    "raw SQL that knows what it does": lambda: execute(
        "UPDATE catalog_app_book SET title = 'Café ÉTÉ', title_key = 'cafe ete', version = version + 1 WHERE id = 1"
    ),
}


def execute(statement: str) -> None:
    with connections["catalog-1"].cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("way", WAYS)
def test_text_and_key_are_in_step_on_both_files_whatever_wrote_them(seven_books: Path, way: str) -> None:
    run("catalog", WAYS[way])
    assert keys()[:2] == ("Café ÉTÉ", "cafe ete")
    assert_copies_equal("catalog")


def test_so_they_are_in_a_fixture_of_before(seven_books: Path, tmp_path: Path) -> None:
    _loaded(tmp_path)
    assert keys() == ("Café ÉTÉ", "cafe ete", "", "t")
    assert_copies_equal("catalog")


def test_new_rows_have_keys_and_their_ledger_too(empty_store: Path) -> None:
    shelve(("Ünder  Milk Wood", "Dylan Thömas"))
    run("catalog", lambda: Book.objects.bulk_create([Book(title="Zoë ", topic="Ärzte", price=1)]))
    assert keys(1) == ("Ünder Milk Wood", "under milk wood", "dylan thomas", "texts")
    assert keys(2) == ("Zoë", "zoe", "", "arzte")
    assert read("catalog-2", "SELECT title, title_key FROM catalog_app_ledgerentry") == [
        ("Ünder Milk Wood", "under milk wood")
    ]
    assert_copies_equal("catalog")


BEHIND: dict[str, Callable[[], Any]] = {
    "an expression": lambda: Book.objects.filter(pk=1).update(title=Concat("title", Value("!x")), version=NEXT),
    "another form by one": lambda: Book.objects.update(topic=Concat(F("topic"), Value("  ")), version=NEXT),
    "raw SQL": lambda: execute("UPDATE catalog_app_book SET title = 'New', version = version + 1 WHERE id = 1"),
    "raw SQL of the key": lambda: execute(
        "UPDATE catalog_app_book SET authors_key = 'nobody', version = version + 1 WHERE id = 1"
    ),
    "raw SQL of another form": lambda: execute(
        "UPDATE catalog_app_book SET title = 'a  b', title_key = 'a b', version = version + 1 WHERE id = 1"
    ),
    "raw SQL of a control character": lambda: execute(
        "UPDATE catalog_app_book SET title = 'a' || char(27), title_key = 'a', version = version + 1 WHERE id = 1"
    ),
    "one column alone": lambda: rows.update(Book(pk=1, title="New", version=2), "title", "version"),
    "a ledger row": lambda: execute("UPDATE catalog_app_ledgerentry SET title_key = 'x' WHERE id = 1"),
}


@pytest.mark.parametrize("way", BEHIND)
def test_what_would_leave_the_key_behind_is_refused(seven_books: Path, way: str) -> None:
    before, floor_before = keys(), floor("catalog")
    with pytest.raises(WriteRefused):
        run("catalog", BEHIND[way])
    assert (keys(), floor("catalog")) == (before, floor_before)
    assert_copies_equal("catalog")


def test_a_rule_that_is_newer_than_a_row_stops_no_change_of_it(seven_books: Path) -> None:
    """As the rows of an older Unicode may have other keys."""
    events.changes_ready.disconnect(dispatch_uid="replication.texts")
    try:
        run("catalog", lambda: execute("UPDATE catalog_app_book SET title = 'A  \u0001b', version = 2 WHERE id = 1"))
    finally:
        texts.connect()
    run("catalog", lambda: Book.objects.filter(pk=1).update(price=1, version=NEXT))
    assert keys()[0] == "A  \u0001b"


@pytest.mark.parametrize("name", ["title", "authors", "topic"])
def test_services_take_texts_in_their_one_form_and_refuse_the_others(seven_books: Path, name: str) -> None:
    fields = {"title": "T", "topic": "t", "price": "1.00", "quantity": 0}
    with pytest.raises(problems.Invalid, match="RIGHT-TO-LEFT OVERRIDE"):
        book_create(fields={**fields, name: "a\u202eb"}, actor="ann")
    with pytest.raises(problems.Invalid, match="U\\+0007 ALERT"):
        book_update(book_id=1, fields={name: "a\u0007"}, actor="ann")
    with pytest.raises(problems.Invalid, match="at most"):
        book_update(book_id=1, fields={name: "x" * 1001}, actor="ann")
    with pytest.raises(ValidationError, match="ESCAPE"):
        run("catalog", lambda: Book.objects.filter(pk=1).update(**{name: "a\u001b"}, version=NEXT))
    book_create(fields={**fields, name: "a\u00a0 e\u0301"}, actor="ann")
    assert read("catalog-2", f"SELECT {name}, {name}_key FROM catalog_app_book WHERE id = 8") == [("a é", "a e")]


def test_a_text_in_another_form_is_no_change(seven_books: Path) -> None:
    shelve(("Café de Flore", "Zoë"))
    before = floor("catalog")
    book_update(book_id=8, fields={"title": " Cafe\u0301  de\u00a0Flore", "authors": "Zoe\u0308"}, actor="ann")
    assert floor("catalog") == before


def test_who_did_something_has_one_form_too(seven_books: Path) -> None:
    book_update(book_id=1, fields={"quantity": 3}, actor="  Zoe\u0308 ")
    with reads.reading("catalog"):
        newest = LedgerEntry.objects.latest("id")
    assert newest.actor == "Zoë"


# --------------------------------------------------------------------------------------- found as people look


MEANT = {
    "GARCÍA": "Love in the Time of Cholera",
    "garcia marquez gabriel": "Love in the Time of Cholera",
    "Ma\u0301rquez": "Love in the Time of Cholera",
    "bronte": "Jane Eyre",
    "BRONTË eyre": "Jane Eyre",
    "don’t": "I Don’t Know",
    "don't": "I Don’t Know",
    "dont": "I Don’t Know",
    "strasse": "I Don’t Know",
    "STRAẞE": "I Don’t Know",
    "l’etranger": "L'Étranger",
    "étranger": "L'Étranger",
    "spiderman": "Spider-Man",
    "spider man": "Spider-Man",
    "spider‑man": "Spider-Man",
    "J.R.R. tolkien": "The Hobbit",
    "jrr": "The Hobbit",
    "ΟΔΎΣΣΕΙΑ": "Ὀδύσσεια",
    "ομηροσ": "Ὀδύσσεια",
    "федор": "Преступление и наказание",
    "ПРЕСТУПЛЕНИЕ": "Преступление и наказание",
    "雪": "雪国",
    "ince": "İnce Memed",
    "INCE": "İnce Memed",
    "yasar": "İnce Memed",
    "\u202bאלף\u202c": "אלף לילה ולילה",
    "100%": "100% 👍_\\",
    "👍": "100% 👍_\\",
    "oreilly": "100% 👍_\\",
    "_": "100% 👍_\\",
    "\\": "100% 👍_\\",
    "?!": "?!",
    "raeven bjornen": "Ræven & Bjørnen",
    "lukasz orsted": "Ræven & Bjørnen",
    "bjør\u200bnen": "Ræven & Bjørnen",
}


def test_a_search_finds_what_a_person_means(node: None) -> None:
    shelve(*SHELF)
    found = {search: titles(f"search={quote(search)}") for search in MEANT}
    assert found == {search: [title] for search, title in MEANT.items()}


def test_a_search_finds_nothing_by_accident(node: None) -> None:
    shelve(("Emma and Eyre; one, two", "Raj Kumar"), ("In the time", "J Kay"))
    searches = ("%25", "a%25o", "'%20OR%20'1'='1", "%22", "*", "jk", "in%20the%20thee")
    assert {search: titles(f"search={search}") for search in searches} == {search: [] for search in searches}


def test_a_search_of_white_space_is_none(node: None) -> None:
    shelve(("A", ""), ("B", ""))
    assert titles("search=%20%C2%A0%E2%80%8B") == ["A", "B"]


def test_a_search_is_bounded_and_refuses_control_characters(node: None) -> None:
    shelve(*SHELF)
    assert_problem(send("GET", f"/api/v1/books/?search={'x' * 201}"), 400, "validation_error")
    assert titles(f"search={'a%20' * 100}")
    problem = assert_problem(send("GET", "/api/v1/books/?search=a%1Bb"), 400, "validation_error")
    assert problem["errors"] == {"search": ["U+001B ESCAPE (character 2) isn't allowed in a text."]}


# ------------------------------------------------------------------------------------------- sorted as people read


def test_books_are_sorted_as_people_read(node: None) -> None:
    shelve(*((title, title) for title in ("Zebra", "apple", "Äpfel", "École", "école", "“Quoted”", "Eclair", "2001")))
    upwards = ["2001", "Äpfel", "apple", "Eclair", "École", "école", "“Quoted”", "Zebra"]
    for field in ("title", "authors"):
        assert titles(f"ordering={field}") == upwards
        assert titles(f"ordering=-{field}") == upwards[::-1]


def test_so_are_topics(node: None) -> None:
    for title, topic in (("1", "zebras"), ("2", "Äpfel"), ("3", "apples")):
        book_create(fields={"title": title, "topic": topic, "price": "1.00", "quantity": 0}, actor="ann")
    answer = send("GET", "/api/v1/books/?ordering=topic&page_size=100").json()
    assert [book["topic"] for book in answer["results"] if book["id"] > 7] == ["Äpfel", "apples", "zebras"]


# ------------------------------------------------------------------------------------------------------- topics


@pytest.mark.parametrize(
    "topic", ["Cafe%CC%81%20%20noir", "Caf%C3%A9%C2%A0noir", "%20Caf%C3%A9%20noir", "Caf%C3%A9%20no%E2%80%8Bir"]
)
def test_a_topic_is_found_however_it_is_composed_and_spaced(node: None, topic: str) -> None:
    book_create(fields={"title": "T", "topic": "Café noir", "price": "1.00", "quantity": 0}, actor="ann")
    assert [book["title"] for book in send("GET", f"/search/{topic}").json()["results"]] == ["T"]
    assert [book["title"] for book in send("GET", f"/api/v1/books/?topic={topic}").json()["results"]] == ["T"]


@pytest.mark.parametrize("topic", ["caf%C3%A9", "%1B", "%E2%80%AE", "%E2%80%8B"])
def test_other_topics_are_empty_pages(node: None, topic: str) -> None:
    book_create(fields={"title": "T", "topic": "Café", "price": "1.00", "quantity": 0}, actor="ann")
    assert send("GET", f"/search/{topic}").json()["count"] == 0


def test_every_key_of_the_seven_books_is_that_of_its_text(seven_books: Path) -> None:
    for title, title_key in read("catalog-1", "SELECT title, title_key FROM catalog_app_book"):
        assert title_key == search_key(str(title))


# --------------------------------------------------------------------------------------------------- the admin


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return [book.title for book in answer.context["cl"].result_list]


@pytest.mark.parametrize("query", ["q=GARCIA", "q=m%C3%A1rquez+ga%CC%81briel", "q=%E2%80%9Ctime%E2%80%9D+cholera"])
def test_the_admin_finds_books_as_the_shop_does(root: Client, query: str) -> None:
    shelve(*SHELF)
    assert names(root.get(f"{BOOKS}?{query}")) == ["Love in the Time of Cholera"]


def test_the_admin_finds_books_by_isbn_with_or_without_hyphens(root: Client) -> None:
    book_update(book_id=2, fields={"isbn13": "9780306406157"}, actor="ann")
    wholes = ("9780306406157", "978-0-306-40615-7", "978 0 306 40615 7", "0306406152", "0-306-40615-2")
    for search in (*wholes, "0306", "0-306-40615", "978 0 306", "9780306", "rpcs 0306"):
        assert names(root.get(f"{BOOKS}?q={search}")) == ["RPCs for Noobs"]
    for search in ("0307", "979", "30640615", "rpcs 0307"):
        assert names(root.get(f"{BOOKS}?q={search}")) == []
    book_retire(book_id=2, actor="ann")
    assert names(root.get(f"{BOOKS}?q=97803064")) == ["RPCs for Noobs"], "retired ones, too"


def test_the_admin_finds_a_book_by_its_id_and_by_a_number_in_its_title(root: Client) -> None:
    shelve(("1984", "George Orwell"), ("The 7 Habits", "Covey"))
    seventh = Book.objects.get(pk=7).title
    assert names(root.get(f"{BOOKS}?q=7")) == [seventh, "The 7 Habits"]
    assert names(root.get(f"{BOOKS}?q=7+habits")) == ["The 7 Habits"]
    assert names(root.get(f"{BOOKS}?q=1984")) == ["1984"]
    assert names(root.get(f"{BOOKS}?q={'9' * 30}")) == []


def test_the_admin_sorts_books_as_people_read(root: Client) -> None:
    shelve(("Zebra", "b"), ("apple", "Ç"), ("Äpfel", "a"))
    shown = f"{BOOKS}?topic=texts"
    assert names(root.get(f"{shown}&o=2")) == ["Äpfel", "apple", "Zebra"]
    assert names(root.get(f"{shown}&o=-2")) == ["Zebra", "apple", "Äpfel"]
    assert names(root.get(f"{shown}&o=6")) == ["Äpfel", "Zebra", "apple"]


def test_no_search_breaks_the_admin(root: Client) -> None:
    for search in ("%1B", "x" * 60_000, "a+" * 30_000, "%00", "%25", "_", "'", "%E2%80%AE"):
        for path in (BOOKS, LEDGER):
            assert root.get(f"{path}?q={search}").status_code == 200, (path, search[:9])
    assert "U+001B ESCAPE (character 1) isn't allowed in a text." in text_of(root.get(f"{BOOKS}?q=%1B"))


def test_the_ledger_is_searched_in_the_same_way(root: Client) -> None:
    shelve(*SHELF)
    assert names(root.get(f"{LEDGER}?q=INCE+memed")) == ["İnce Memed"]
    assert names(root.get(f"{LEDGER}?q=etranger")) == ["L'Étranger"]


@pytest.mark.parametrize("name", ["title", "authors", "topic"])
def test_the_admin_refuses_a_character_by_name(root: Client, name: str) -> None:
    shown = form_of(root.get(f"{BOOKS}1/change/"), "title")
    before = floor("catalog")
    answer = root.post(f"{BOOKS}1/change/", shown | {name: "a\u202eb"})
    assert "U+202E RIGHT-TO-LEFT OVERRIDE (character 2) isn't allowed in a text." in text_of(answer)
    assert floor("catalog") == before
    added = root.post(f"{BOOKS}add/", {"title": "T", "topic": "t", "price": "1", "quantity": "0", name: "\u001b["})
    assert "U+001B ESCAPE (character 1) isn't allowed in a text." in text_of(added)
    assert floor("catalog") == before


def test_the_admin_keeps_texts_in_their_one_form(root: Client) -> None:
    fields = {
        "title": " Cafe\u0301\u00a0Zoë",
        "authors": "A\u200b. B",
        "topic": "e\u0301",
        "price": "1",
        "quantity": "0",
    }
    assert root.post(f"{BOOKS}add/", fields).status_code == 302
    assert keys(8) == ("Café Zoë", "cafe zoe", "a b", "e")
    shown = form_of(root.get(f"{BOOKS}8/change/"), "title")
    before = floor("catalog")
    assert root.post(f"{BOOKS}8/change/", shown | {"title": "Cafe\u0301  Zoë"}).status_code == 302
    assert floor("catalog") == before, "that is no change"
