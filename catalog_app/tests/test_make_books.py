"""Made-up books: the same for the same seed, each once, explained by the ledger in both files."""

import getpass
import io
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bookstore_project.api.fields import isbn13_problem
from bookstore_project.replication import failpoints
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.support.forks import of_this_store
from bookstore_project.replication.tests.support.replica_files import rows
from bookstore_project.replication.transaction import settle
from bookstore_project.settings import topology
from catalog_app.making.rules import MOST_BOOKS, MOST_SEEDS, made_book, made_isbn13
from catalog_app.management.commands import make_books as command
from catalog_app.management.commands.seed_books import SEVEN
from catalog_app.services import book_create, book_retire, book_update
from catalog_app.tests.import_helpers import assert_replicas_agree, books, titles
from tests.waiting import PATIENCE_S, wait_for


def make_books(*arguments: str) -> str:
    """What the command says."""
    out = io.StringIO()
    call_command("make_books", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def count_of(table: str, alias: str = "catalog-1") -> int:
    ((count,),) = rows(alias, f"SELECT count(*) FROM {table}")
    assert isinstance(count, int)
    return count


def test_a_book_follows_from_its_seed_and_number_on_every_machine() -> None:
    book = made_book(seed=3, number=141)
    assert (book.title, book.authors, book.isbn13) == ("A common totube", "Jonas Ratebu", "9780932889492")
    assert (book.topic, str(book.price), book.quantity) == ("law", "16.99", 7)


def test_every_made_isbn_is_sound_and_has_one_book() -> None:
    numbers = [0, 1, 2, 999, MOST_BOOKS - 1]
    isbns = [made_isbn13(seed, number) for seed in (0, 1, MOST_SEEDS - 1) for number in numbers]
    isbns += [made_isbn13(0, number) for number in range(5000, 25_000)]
    assert len(set(isbns)) == len(isbns)
    assert {isbn13_problem(isbn) for isbn in isbns} == {""}


def test_made_books_are_spread_as_in_a_shop() -> None:
    made = [made_book(0, number) for number in range(3000)]
    topics, authors = Counter(book.topic for book in made), Counter(book.authors for book in made)
    assert 40 < len(topics) <= 60
    assert topics.most_common(1)[0][1] > 10 * min(topics.values())
    assert len(authors) > 1000
    assert len({book.title for book in made}) > 1500
    assert 0.02 < sum(book.quantity == 0 for book in made) / len(made) < 0.08
    assert all(1 <= book.price < 250 for book in made)


def test_the_same_seed_makes_the_same_books_and_another_one_others(seven_books: Path) -> None:
    assert "25 of 25 books" in make_books("25", "--seed=7", "--batch-size=10")
    expected = [made_book(7, number) for number in range(25)]
    assert titles()[len(SEVEN) :] == [book.title for book in expected]
    assert [row[2] for row in books()[len(SEVEN) :]] == [book.isbn13 for book in expected]
    make_books("25", "--seed=8")
    assert [row[2] for row in books()[-25:]] == [made_isbn13(8, number) for number in range(25)]
    assert_replicas_agree()


def test_each_made_book_has_one_row_in_ledger_and_history(empty_store: Path) -> None:
    make_books("12")
    for alias in topology.database_aliases(topology.CATALOG):
        assert count_of("catalog_app_ledgerentry", alias) == 12
        assert count_of("catalog_app_bookchange", alias) == 12
    assert set(rows("catalog-2", "SELECT kind, actor FROM catalog_app_ledgerentry")) == {("initial", "make_books")}
    whoever = ("initial", getpass.getuser(), "shell")
    assert set(rows("catalog-2", "SELECT field, actor, way FROM catalog_app_bookchange")) == {whoever}


def test_started_again_it_says_where_it_goes_on(empty_store: Path) -> None:
    assert "already" not in make_books("10")
    assert "10 books of seed 0 were made already: going on with number 11." in make_books("15")
    assert "15 books of seed 0 were made already: nothing to do." in make_books("15")
    assert "nothing to do" in make_books("3")
    assert [row[2] for row in books()] == [made_isbn13(0, number) for number in range(15)]


def test_it_says_how_far_it_is_and_is_silent_if_asked_to(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TELL_EVERY_S", 0.0)
    said = make_books("8", "--batch-size=2")
    assert [line.split(",")[0] for line in said.splitlines()] == [
        " 25%  2 of 8 books",
        " 50%  4 of 8 books",
        " 75%  6 of 8 books",
        "Done: 8 of 8 books",
    ]
    assert make_books("10", "--verbosity=0") == ""


def test_books_that_were_changed_or_retired_since_are_not_made_again(empty_store: Path) -> None:
    make_books("4")
    book_update(book_id=4, fields={"isbn13": None, "title": "Renamed"}, actor="ann")
    book_retire(book_id=3, actor="ann")
    make_books("6")
    assert [row[2] for row in books()[4:]] == [made_isbn13(0, 4), made_isbn13(0, 5)]
    assert len(books()) == 6


def test_a_number_that_the_shop_sells_already_is_left_to_that_book(empty_store: Path) -> None:
    fields = {"title": "First", "isbn13": made_isbn13(0, 1), "topic": "t", "price": "1.00", "quantity": 1}
    book_create(fields=fields, actor="ann")
    make_books("3")
    assert [row[2] for row in books()] == [made_isbn13(0, 1), made_isbn13(0, 0), None, made_isbn13(0, 2)]


@pytest.mark.parametrize("point", ["begun", "before-commit", "committed-catalog-1", "committed", "invalidated"])
def test_interrupted_at_any_step_it_makes_each_book_once(empty_store: Path, point: str) -> None:
    reached = 0

    def interrupt_third_batch() -> None:
        nonlocal reached
        reached += 1
        if reached == 3:
            raise KeyboardInterrupt

    failpoints.hooks[point] = interrupt_third_batch
    with pytest.raises(SystemExit) as exit_:
        make_books("10", "--batch-size=3")
    assert exit_.value.code == 130
    failpoints.hooks.clear()
    assert f"{len(books())} books of seed 0 were made already" in make_books("10")
    assert [row[2] for row in books()] == [made_isbn13(0, number) for number in range(10)]
    assert_replicas_agree()


@pytest.mark.processes
def test_killed_it_goes_on_where_it_was(empty_store: Path) -> None:
    making = subprocess.Popen(
        [sys.executable, str(topology.ROOT / "manage.py"), "make_books", "3000", "--batch-size=5"],
        env=of_this_store() | {"BOOKSTORE_NODE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def is_under_way() -> bool:
        assert making.poll() is None, making.communicate()
        return count_of("catalog_app_book") >= 20

    wait_for(is_under_way)
    making.send_signal(signal.SIGKILL)
    making.communicate(timeout=PATIENCE_S)
    settle("catalog")  # As the next writer or reader of a running store does.
    before = count_of("catalog_app_book")
    assert before < 3000
    number = before + 30
    assert "were made already: going on with number" in make_books(str(number))
    assert [row[2] for row in books()] == [made_isbn13(0, each) for each in range(number)]
    assert_replicas_agree()


def test_without_a_store_it_says_what_to_do(empty_store: Path) -> None:
    get_service(topology.CATALOG).witness_file.unlink()
    with pytest.raises(CommandError, match=r"There is no store in .* run `manage.py migrate` first"):
        make_books("5")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["0"], "N is a number of books, from 1 to 1,000,000."),
        (["-5"], "N is a number of books"),
        (["1000001"], "N is a number of books"),
        (["many"], "invalid int value"),
        (["5", "--seed=-1"], "--seed is a number from 0 to 999."),
        (["5", "--seed=1000"], "--seed is a number"),
        (["5", "--batch-size=0"], "--batch-size is a number from 1 to 2000."),
    ],
)
def test_nonsense_is_refused_in_words(empty_store: Path, arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        make_books(*arguments)
    assert count_of("catalog_app_book") == 0
