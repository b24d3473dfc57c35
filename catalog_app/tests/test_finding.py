"""Books are found by words as people type them, best first; and nothing that contained the words is lost."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication import reads
from bookstore_project.replication.sqlite_pair.reading import vocabulary
from bookstore_project.replication.transaction import run
from bookstore_project.text.canonical import UnfitText
from bookstore_project.text.search import containing
from bookstore_project.text.search_keys import words_of
from catalog_app import corrections, finding
from catalog_app.models import SEARCHED, Book
from catalog_app.search_terms import is_sought_inside
from catalog_app.services import add_book, book_retire, book_update
from catalog_app.tests.test_texts import SHELF, shelve
from conftest import made_once, used
from tests.layout import layout

MORE = (
    ("Harry Potter and the Goblet of Fire", "J.K. Rowling"),
    ("Harry Potter", "J.K. Rowling"),
    ("Pottery for Beginners", "Harriet Brown"),
    ("The Idiot", "Fyodor Dostoevsky"),
    ("Crime and Punishment", "Fyodor Dostoevsky"),
    ("Dostoevsky: A Life", "Leonid Grossman"),
    ("Wuthering Heights", "Emily Brontë"),
    ("It", "Stephen King"),
    ("20,000 Leagues Under the Sea", "Jules Verne"),
    ("C++ in a Day", "Nobody"),
    ("C in a Day", "Nobody"),
    ("1984", "George Orwell"),
    ("اسم الوردة", "أمبرتو إيكو"),
    ("三体", "刘慈欣"),
)


@pytest.fixture(scope="session")
def files_to_search(
    peopled_files: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """As `peopled_files`, with books that are hard to find."""
    with made_once("searched", tmp_path_factory) as template:
        if not layout.is_kept(template):
            with django_db_blocker.unblock():
                layout.put_in_place(peopled_files)
                shelve(*SHELF, *MORE)
                layout.keep(template)
    return template


@pytest.fixture
def seven_books(files_to_search: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """Those books beside the seven, at once: to put one state in the place of another takes as long as a test."""
    with used(files_to_search, django_db_blocker) as data:
        yield data


@pytest.fixture
def shelf(seven_books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that are hard to find."""
    # Files of tests are copies of one, and may have come to the same state by other words.
    monkeypatch.setattr(vocabulary, "_kept", OrderedDict())


def ask(**query: Any) -> dict[str, Any]:
    answer = send("GET", f"/api/v1/books/?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    page: dict[str, Any] = answer.json()
    return page


def titles(find: str, **query: Any) -> list[str]:
    return [book["title"] for book in ask(find=find, page_size=100, **query)["results"]]


@pytest.mark.usefixtures("shelf", "node")
class TestOrder:
    def test_what_is_called_so_comes_first_then_words_of_the_title_then_what_begins_so(self) -> None:
        assert titles("harry potter") == ["Harry Potter", "Harry Potter and the Goblet of Fire"]
        assert titles("potter") == [
            "Harry Potter and the Goblet of Fire",
            "Harry Potter",
            "Pottery for Beginners",
        ]

    def test_titles_come_before_authors(self) -> None:
        assert titles("dostoevsky") == ["Dostoevsky: A Life", "The Idiot", "Crime and Punishment"]

    def test_a_word_inside_of_others_comes_last(self) -> None:
        assert titles("ring") == ["Spring in the Pioneer Valley", "Wuthering Heights"]
        assert titles("it")[0] == "It"

    def test_one_or_two_letters_begin_words_and_are_not_looked_for_inside_of_them(self) -> None:
        assert sorted(titles("ha")) == [
            "Harry Potter",
            "Harry Potter and the Goblet of Fire",
            "Pottery for Beginners",
            "Why theory classes are so hard",
        ]
        assert titles("84") == titles("84 rr") == []
        assert titles("984") == ["1984"]

    def test_two_characters_of_a_script_without_spaces_are_found_wherever_they_stand(self) -> None:
        assert titles("慈欣") == ["三体"]

    @pytest.mark.parametrize("search", ["20000", "20,000"])
    def test_a_number_is_found_however_its_thousands_stand_apart(self, search: str) -> None:
        new = {"title": "20 000 Meilen", "topic": "t", "price": "1.00", "quantity": 1}
        run("catalog", lambda: add_book(new, "ann"))
        expected = {"20,000 Leagues Under the Sea", "20 000 Meilen"}
        assert set(titles(search)) == {book["title"] for book in ask(search=search)["results"]} == expected

    def test_another_order_is_had_by_asking_for_it(self) -> None:
        assert titles("potter", ordering="title") == sorted(titles("potter"))

    def test_words_of_title_and_author_go_together(self) -> None:
        assert titles("brontë wuth") == ["Wuthering Heights"]
        assert titles("rowling goblet") == ["Harry Potter and the Goblet of Fire"]

    def test_it_stays_within_a_topic(self) -> None:
        assert titles("potter", topic="distributed systems") == []
        assert titles("rpcs", topic="distributed systems") == ["RPCs for Noobs"]

    def test_retired_books_are_not_found(self) -> None:
        book_retire(book_id=2, actor="ann")
        assert titles("rpcs") == []

    @pytest.mark.parametrize(
        "search",
        [
            "9780306406157",
            "978-0-306-40615-7",
            "0306406152",
            "0-306-40615-2",
            "ISBN 9780306406157",
            "isbn-10: 0306406152",
        ],
    )
    def test_a_whole_isbn_finds_its_book(self, search: str) -> None:
        book_update(book_id=2, fields={"isbn13": "9780306406157"}, actor="ann")
        assert titles(search) == ["RPCs for Noobs"]
        assert titles(search, topic="texts") == []
        assert titles(search, ordering="title") == ["RPCs for Noobs"]

    def test_the_beginning_of_an_isbn_finds_its_books_if_no_book_has_it_as_a_word(self) -> None:
        for book_id, isbn13 in ((2, "9780306406157"), (3, "9780131103627"), (4, "9791234567896")):
            book_update(book_id=book_id, fields={"isbn13": isbn13}, actor="ann")
        for search in ("97803", "978-0-3", "978 0306", "978 0 3 0 6"):
            assert titles(search) == ["RPCs for Noobs"], search
        assert {book["id"] for book in ask(find="9780")["results"]} == {2, 3}
        assert titles("978") == titles("0306") == [], "too little to tell, and what may be a year"
        book_retire(book_id=2, actor="ann")
        assert titles("97803") == []
        run("catalog", lambda: add_book({"title": "9780", "topic": "t", "price": "1.00", "quantity": 1}, "ann"))
        assert titles("9780") == ["9780"]

    def test_words_are_found_though_they_might_be_an_isbn_that_no_book_has(self) -> None:
        run("catalog", lambda: add_book({"title": "0306406152", "topic": "t", "price": "1.00", "quantity": 1}, "ann"))
        assert titles("0306406152") == ["0306406152"]

    def test_pages_go_on_where_the_last_one_ended(self) -> None:
        whole = titles("a")
        paged = [ask(find="a", page_size=3, page=page)["results"] for page in (1, 2)]
        assert [book["title"] for page in paged for book in page] == whole[:6]
        assert ask(find="a", page_size=3)["count"] == len(whole)
        assert "find=a" in ask(find="a", page_size=3)["next"]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    "search",
    ["harry potter", "h p", "pot beg", "the sea", "20000 leagues", "e e", "j.k. rowling", "wuth hei"],
)
def test_few_books_are_in_the_order_of_the_groups(search: str) -> None:
    words = words_of(search)
    with reads.reading("catalog"):
        among = Book.objects.on_sale()
        by_group = list(dict.fromkeys(chain.from_iterable(finding._groups(search, words, among))))
        assert finding._ids(search, words, among) == by_group


@pytest.mark.every_engine
@pytest.mark.usefixtures("shelf", "node")
class TestTypos:
    @pytest.mark.parametrize(
        ("typed", "first", "corrected"),
        [
            ("dostoyevski", "Dostoevsky: A Life", "dostoevsky"),
            ("harry poter", "Harry Potter", "harry potter"),
            ("wuthring hieghts", "Wuthering Heights", "wuthering heights"),
            ("hary poter", "Harry Potter", "harry potter"),
            ("dostoyevs", "Dostoevsky: A Life", "dostoevsky"),
            ("преступленее", "Преступление и наказание", "преступление"),
        ],
    )
    def test_a_word_that_nobody_has_is_taken_for_one_like_it(self, typed: str, first: str, corrected: str) -> None:
        page = ask(find=typed)
        assert page["results"][0]["title"] == first
        assert page["corrected"] == corrected

    def test_a_word_that_came_or_went_since_it_was_last_looked_for_is_known_as_such(self) -> None:
        assert titles("anabsis") == []
        fields = {"title": "Anabasis", "authors": "Xenophon", "topic": "texts", "price": "9.90", "quantity": 1}
        book = run("catalog", lambda: add_book(fields, "ann")).value.pk
        assert titles("anabsis") == ["Anabasis"]
        book_update(book_id=book, fields={"title": "Hellenica"}, actor="ann")
        assert titles("anabsis") == []
        assert titles("helenica") == ["Hellenica"]

    @pytest.mark.two_files
    def test_no_more_words_are_kept_than_may_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vocabulary, "MOST_WORDS", 9)
        for _ in range(2):
            assert titles("wuthring hieghts") == ["Wuthering Heights"]
            kept = [len(words.terms) for words in vocabulary._kept.values()]
            assert len(kept) == 1 or sum(kept) <= 9

    @pytest.mark.two_files
    def test_letters_that_no_word_begins_with_do_not_pile_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vocabulary, "MOST_LETTERS", 3)
        for letter in "чжщэю":
            titles(f"{letter}zzz")
        assert len(vocabulary._kept) <= 3

    def more_books(self, *texts: tuple[str, str]) -> None:
        def add() -> None:
            for title, authors in texts:
                add_book({"title": title, "authors": authors, "topic": "t", "price": "1.00", "quantity": 1}, "ann")

        run("catalog", add)

    def test_a_part_of_a_word_is_no_word_that_is_typed_rightly(self) -> None:
        self.more_books(("Adventures", "Zachary Peter Doe"))
        page = ask(find="hary poter")
        assert (page["corrected"], page["results"][0]["title"]) == ("harry potter", "Harry Potter")
        assert titles("achary peter") == ["Adventures"]
        assert ask(find="chary petre")["corrected"] == "zachary peter"
        assert ask(find="ary petre")["corrected"] == "ary peter", "if nothing else can be meant"

    def test_words_are_corrected_by_those_that_one_book_has_together(self) -> None:
        """By far more books have a king, and none has Stephen and a kind of anything."""
        kings = [(f"King {number} of Kingstown", "A. Hare") for number in range(9)]
        self.more_books(*kings, ("Kings and Harems", ""), ("A Kind of Harry", "B. Harem"), ("Stephens Kind", ""))
        assert ask(find="stepens kimd")["corrected"] == "stephens kind"
        assert ask(find="harry kimd")["corrected"] == "harry kind"

    def test_of_what_is_as_near_it_is_what_most_books_have(self) -> None:
        self.more_books(("Carl Bate", ""), ("Carol Bane", ""), ("Carol Bane again", ""), ("Cara Bard", ""))
        assert ask(find="caral baxe")["corrected"] == "carol bane"

    def test_few_errors_count_more_than_many_books(self) -> None:
        self.more_books(("Marble Hall", ""), *((f"Marvel Hills {number}", "") for number in range(5)))
        assert ask(find="marbel hall")["corrected"] == "marble hall"

    def test_far_more_books_make_up_for_an_error_more(self) -> None:
        """By far more books are by Stephen King than have a Steven and a king."""
        kings = [(f"Tale {number}", "Stephen King") for number in range(9)]
        self.more_books(("Steven, King of Animals", ""), *kings)
        assert ask(find="steven kng")["corrected"] == "stephen king"
        assert titles("steven king") == ["Steven, King of Animals"]

    def test_words_that_sound_the_same_are_nearer(self) -> None:
        self.more_books(*((f"The Habit {number}", "") for number in range(3)))
        assert ask(find="the hobit")["corrected"] == "the hobbit"

    @pytest.mark.parametrize(
        ("typed", "corrected"),
        [
            ("grate gatsby", "great gatsby"),
            ("the grate gatzby", "the great gatsby"),
            ("xane austen", "jane austen"),
            ("yane austin", "jane austen"),
            ("kacher in the rey", "catcher in the rye"),
            ("fahrenheit 541", "fahrenheit 451"),
            ("bradburi 451 farenheit", "bradbury 451 fahrenheit"),
            ("xitzgerald", "fitzgerald"),
            ("ffitzgerald", "fitzgerald"),
        ],
    )
    def test_what_the_others_tell_of_a_word_counts(self, typed: str, corrected: str) -> None:
        """However it begins, and with two errors in a short one."""
        self.more_books(
            ("The Great Gatsby", "F. Scott Fitzgerald"),
            ("Emma", "Jane Austen"),
            ("The Catcher in the Rye", "J.D. Salinger"),
            ("Fahrenheit 451", "Ray Bradbury"),
        )
        assert ask(find=typed)["corrected"] == corrected

    @pytest.mark.parametrize(
        ("typed", "corrected"),
        [
            ("mobi dick", "mobydick"),
            ("moby dik", "mobydick"),
            ("harrypotter", "harry potter"),
            ("harrypotter goblet", "harry potter goblet"),
            ("stven kign", "stephen king"),
            ("stefen kign", "stephen king"),
            ("fillip pulman", "philip pullman"),
        ],
    )
    def test_words_that_ran_together_or_apart_and_spellings_of_one_sound_are_corrected(
        self, typed: str, corrected: str
    ) -> None:
        self.more_books(("Moby-Dick", "Herman Melville"), ("Northern Lights", "Philip Pullman"))
        assert ask(find=typed)["corrected"] == corrected
        assert titles(typed)

    def test_a_long_search_is_corrected_too(self) -> None:
        assert ask(find="hary poter and the goblt of fire")["corrected"] == "harry potter and the goblet of fire"

    def test_however_much_is_alike_few_books_are_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(corrections, "MOST_COMPARED", 2)
        self.more_books(*((f"Carol {number} Bane", "") for number in range(9)))
        assert len(titles("caral baxe")) == 9

    def test_what_is_found_as_it_stands_is_not_corrected(self) -> None:
        assert ask(find="pottery")["corrected"] is None
        assert titles("pottery") == ["Pottery for Beginners"]

    @pytest.mark.parametrize("typed", ["1985", "xyzzyplugh", "qq", "", "zzzz yyyy xxxx wwww vvvv"])
    def test_what_is_like_nothing_finds_nothing(self, typed: str) -> None:
        page = ask(find=typed)
        assert page["corrected"] is None if typed else "corrected" not in page
        assert bool(page["results"]) is not bool(typed)

    @pytest.mark.parametrize("typed", ["poter dostoyevski", "wuthring poter leages"])
    def test_words_that_no_book_has_together_are_not_looked_for_group_by_group(
        self, typed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        searched: list[str] = []
        groups = finding._groups

        def noted(search: str, *more: Any) -> Any:
            searched.append(search)
            return groups(search, *more)

        monkeypatch.setattr(finding, "_groups", noted)
        assert titles(typed) == []
        assert searched == []

    def test_symbols_count(self) -> None:
        assert titles("c++")[0] == "C++ in a Day"
        assert titles("20000 leagues") == ["20,000 Leagues Under the Sea"]
        assert titles("三体") == ["三体"]
        assert titles("?!") == ["?!"]

    def test_the_older_search_corrects_nothing_and_says_nothing_of_it(self) -> None:
        page = ask(search="harry poter")
        assert page["results"] == []
        assert "corrected" not in page


HOSTILE = [
    '"',
    '" OR rowid:*',
    "NEAR(harry potter, 5)",
    "title_key : harry",
    "-harry",
    "^harry",
    "harry*",
    "AND OR NOT",
    "{title_key} : x",
    "'; DROP TABLE catalog_app_book; --",
    "%_\\",
    "👍👩‍👩‍👧‍👦" * 20,
    "()" * 90,
    "e\u0301" * 100,
]


@pytest.mark.parametrize("typed", HOSTILE)
def test_operators_are_words_to_it(shelf: None, node: None, typed: str) -> None:
    ask(find=typed)
    ask(search=typed)


@pytest.mark.parametrize("typed", ["x" * 10_000, "nul\0byte", "\U0010ffff"])
def test_what_no_text_can_have_is_refused(shelf: None, node: None, typed: str) -> None:
    assert_problem(send("GET", f"/api/v1/books/?{urlencode({'find': typed})}"), 400, "validation_error")


WORDS = st.sampled_from(
    [word for title, authors in (*SHELF, *MORE) for word in f"{title} {authors}".split()] + ["c+", "rr", "20 000"]
)
PIECES = st.builds(lambda word, begin, end: word[begin : begin + end], WORDS, st.integers(0, 4), st.integers(1, 9))
SEARCHES = st.one_of(
    st.lists(st.one_of(WORDS, PIECES), max_size=4).map(" ".join),
    st.text(max_size=30),
    st.text(alphabet='"*^:-+(){}ANDORNT harry', max_size=20),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(search=SEARCHES)
@example(search="j k rowling")
@example(search="?!")
@example(search="20,000")
@example(search="jk")
@example(search="h 984")
def test_what_contains_the_words_is_found_by_either_way(shelf: None, search: str) -> None:
    """As a look at every row says it: no index has a part in that."""
    with reads.reading("catalog", alias="catalog-1"):
        try:
            holding = ids(Book.objects.on_sale().filter(containing(search, SEARCHED)))
        except UnfitText:
            with pytest.raises(UnfitText):
                finding.find(search, Book.objects.on_sale())
            return
        assert ids(Book.objects.on_sale().matching(search)) == holding
        found = finding.find(search, Book.objects.on_sale())
        assert len(set(found.ids)) == len(found.ids)
        is_inside = any(map(is_sought_inside, words_of(search)))
        if search.strip() and is_inside and found.corrected is None:
            assert set(holding) <= set(found.ids)


def ids(books: Any) -> Sequence[int]:
    return list(books.order_by("pk").values_list("pk", flat=True))
