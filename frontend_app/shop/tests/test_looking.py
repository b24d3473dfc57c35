"""Looking for books: an entrance, lists with a way on from each, and a book among its neighbours."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.template.loader import render_to_string
from django.test import Client
from pytest_django import Settings

from bookstore_project.api.representations import MAX_STOCK
from frontend_app.shop import shelves
from frontend_app.shop.shelves import Topic
from frontend_app.tests.support.fakes import Store, answer_with, problem_reply, refuse


def text(client: Client, path: str, status: int = 200, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    return unescape(answer.content.decode())


def links(page: str, name: str) -> list[str]:
    return [unescape(href) for href in re.findall(rf'<a href="([^"]*)"[^>]*>{name}</a>', page)]


def asked(store: Store, prefix: str = "/api/v1/books/?") -> dict[str, str]:
    """The query of the last call of the catalog's list."""
    path = [call.path for call in store.asked if call.path.startswith(prefix)][-1]
    return dict(parse_qsl(urlsplit(path).query))


class TestEntrance:
    def test_it_shows_topics_and_the_newest_books_with_price_and_stock(self, client: Client, store: Store) -> None:
        page = text(client, "/")
        assert '<a href="/?topic=things"><span dir="auto">things</span> <small>2</small></a>' in page
        assert page.index("Book 2") < page.index("Book 1")
        assert "20.00 EUR" in page
        assert "Only 3 left" in page
        assert asked(store)["ordering"] == "-id"

    def test_what_can_be_had_comes_before_what_is_sold_out(self, client: Client, store: Store) -> None:
        for book in range(3, 3 + 2 * shelves.NEW_BOOKS):
            store.put(book, price="1.00", authors="", isbn13=None, quantity=book % 2, version=1)
        page = text(client, "/")
        assert "Sold out" not in page
        assert page.count('class="price"') == shelves.NEW_BOOKS

    def test_prices_are_of_this_moment_and_topics_from_the_cache(self, client: Client, store: Store) -> None:
        text(client, "/")
        store.put(1, price="99.90", quantity=0)
        page = text(client, "/")
        assert "99.90 EUR" in page
        assert "Sold out" in page
        assert "Read at catalog-" in page
        assert len(store.asked_of("/api/v1/topics/")) == 1

    def test_topics_say_how_many_books_they_have_in_groups_of_digits(self) -> None:
        page = render_to_string("shop/topics.html", {"topics": [Topic("a", 10_000)] * 9})
        assert page.count("<small>10,000</small>") == 9

    def test_topics_take_turns_day_by_day_in_a_shop_where_one_does_not_see_all(self, settings: Settings) -> None:
        few = [Topic("a", 10), Topic("b", 20)]
        assert shelves.topic_of_the_day(few) == ""
        assert shelves.topic_of_the_day([*few, Topic("c", 1)]) in "abc"
        assert shelves.topic_of_the_day([]) == ""

    def test_a_catalog_that_does_not_answer_is_told(self, client: Client, store: Store) -> None:
        store.behaviours.update(dict.fromkeys(("catalog-1", "catalog-2"), answer_with(problem_reply("unavailable"))))
        assert 'role="alert"' in text(client, "/", 503)


class TestLists:
    def test_it_passes_on_what_is_asked_and_nothing_else(self, client: Client, store: Store) -> None:
        text(client, "/?topic=things&find=a+b&ordering=price&page_size=50&utm_source=x&page=")
        assert asked(store) == {"topic": "things", "find": "a b", "ordering": "price", "page_size": "50"}

    def test_what_was_not_looked_for_is_newest_first(self, client: Client, store: Store) -> None:
        text(client, "/?topic=things")
        assert asked(store)["ordering"] == "-id"
        text(client, "/?find=x")
        assert "ordering" not in asked(store)

    def test_links_sort_and_turn_pages_and_keep_the_query(self, client: Client, store: Store) -> None:
        store.page = {"count": 95}
        page = text(client, "/?find=b%C3%B6ok&topic=things&page=2&ordering=title")
        assert links(page, "Lowest price") == ["/?find=b%C3%B6ok&topic=things&ordering=price"]
        assert links(page, "Best match") == ["/?find=b%C3%B6ok&topic=things"]
        assert links(page, "Next page") == ["/?find=b%C3%B6ok&topic=things&ordering=title&page=3"]
        assert links(page, "Previous page") == ["/?find=b%C3%B6ok&topic=things&ordering=title"]
        assert "95 books. Page 2 of 5." in page
        assert "<span>Page 2 of 5</span>" in page
        assert '<a href="/?find=b%C3%B6ok&topic=things&ordering=title" aria-current="true">Title</a>' in page
        assert "On the shelf “<bdi>things</bdi>” alone." in page
        assert links(page, "Look on all shelves") == ["/?find=b%C3%B6ok&ordering=title"]

    def test_the_first_page_has_none_before_it_and_the_last_one_none_behind(self, client: Client) -> None:
        page = text(client, "/?topic=things")
        assert "Previous page" not in page
        assert "Next page" not in page
        assert "Best match" not in page

    def test_what_was_found_in_place_of_a_typo_is_told(self, client: Client, store: Store) -> None:
        store.page = {"corrected": "harry potter"}
        page = text(client, "/?find=harry+poter")
        assert "<title>Books with “harry potter”" in page
        assert "Showing results for <strong>harry potter</strong>: no book has “harry poter”." in page
        assert 'value="harry poter"' in page

    def test_nothing_found_leads_to_the_topics(self, client: Client, store: Store) -> None:
        store.page = {"count": 0, "results": []}
        assert "No books." in text(client, "/?find=x")

    def test_more_than_a_search_finds_is_told(self, client: Client, store: Store) -> None:
        store.page = {"count": 1000}
        assert "The best 1,000 books." in text(client, "/?find=x")

    def test_a_problem_is_told_on_the_page(self, client: Client, store: Store) -> None:
        store.behaviours.update(
            dict.fromkeys(("catalog-1", "catalog-2"), answer_with(problem_reply("validation_error")))
        )
        assert "asks for something that no list of books has" in text(client, "/?page=x", 400)

    @pytest.mark.parametrize("words", ["<script>alert(1)</script>", "\"onmouseover='x'", "{{ 7 }}", "\u202eabc"])
    def test_words_are_words(self, client: Client, words: str) -> None:
        answer = client.get("/", {"find": words, "topic": words})
        assert "<script>alert" not in answer.content.decode()
        assert "\"onmouseover='x'" not in answer.content.decode()


class TestTyping:
    """What htmx needs, beside the page that everybody gets."""

    def test_the_first_search_is_a_step_and_the_next_ones_replace_it(self, client: Client) -> None:
        first = client.get("/?find=ha&topic=", headers={"HX-Request": "true", "HX-Current-URL": "http://x/"})
        assert first["HX-Push-Url"] == "/?find=ha"
        after = {"HX-Request": "true", "HX-Current-URL": "http://x/?find=ha"}
        assert client.get("/?find=har", headers=after)["HX-Replace-Url"] == "/?find=har"
        assert client.get("/?find=", headers=after)["HX-Replace-Url"] == "/"

    def test_without_it_there_is_no_such_header(self, client: Client) -> None:
        assert "HX-Push-Url" not in client.get("/?find=ha")

    def test_a_problem_is_told_in_the_place_of_what_was_found(self, client: Client, store: Store) -> None:
        store.behaviours.update(dict.fromkeys(("catalog-1", "catalog-2"), refuse))
        page = text(client, "/?find=ha", 503, **{"HX-Request": "true"})
        assert page.index('id="found"') < page.index('role="alert"')

    def test_what_is_found_is_said(self, client: Client) -> None:
        assert re.search(
            r'<p id="said" class="unseen" role="status">Books with “x”: 2 books.</p>', text(client, "/?find=x")
        )


class TestBook:
    def test_it_shows_neighbours_each_with_price_and_stock_of_its_own_entry(
        self, client: Client, store: Store
    ) -> None:
        assert "Book 2" in text(client, "/books/1/")
        assert "20.00 EUR" in text(client, "/books/1/")
        assert len(store.asked_of("/search/")) == 1

    def test_a_topic_is_told_as_a_name_whatever_it_is_called(self, client: Client, store: Store) -> None:
        assert "More in “<bdi>things</bdi>”" in text(client, "/books/1/")
        assert "All books in “<bdi>things</bdi>”" in text(client, "/books/1/")

    def test_one_that_is_alone_has_none(self, client: Client, store: Store) -> None:
        store.put(3, topic="alone", price="1.00", authors="", isbn13=None, quantity=MAX_STOCK, version=1)
        assert "More in" not in text(client, "/books/3/")

    def test_a_neighbour_that_is_gone_is_left_out(self, client: Client, store: Store) -> None:
        text(client, "/books/1/")
        del store.books[2]
        assert "Book 1" in text(client, "/books/1/")
