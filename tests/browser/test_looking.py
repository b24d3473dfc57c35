"""Somebody looks for a book, as people do: by topic, by a few letters, with a typo; and finds the way back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.test_pages import assert_fine
from tests.browser.visitor import Visitor
from tests.client import Client
from tests.store import Store

SHELF = 19
"""More than a page of a list."""
DOWN = '<html><body><p id="said"></p><div id="found"><p role="alert">Not now.</p></div></body></html>'
NAMES = re.compile("^Gargantua, volume [0-9]+$")


@pytest.fixture
def shop(shared_store: Store) -> Store:
    """With a topic of more than one page, and titles that are hard to set."""
    client = Client(shared_store)
    if client.get("/search/Giants%20%26%20others").json["count"]:
        return shared_store
    for number in range(1, SHELF + 1):
        shelve(client, f"Gargantua, volume {number}", "François Rabelais", f"{100 - number}.00")
    shelve(client, "אלף לילה ולילה", "", "1.00")
    shelve(client, "紅樓夢", "曹雪芹", "2.00")
    shelve(client, "Donaudampfschiffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2, "", "3.00")
    return shared_store


def shelve(client: Client, title: str, authors: str, price: str) -> None:
    fields = {"title": title, "authors": authors, "topic": "Giants & others", "price": price, "quantity": 2}
    assert client.post("/api/v1/books/", fields, as_staff=True).status == 201


@pytest.fixture
def visitor(chromium: Browser, shop: Store) -> Iterator[Visitor]:
    with Visitor(chromium, shop) as somebody:
        yield somebody


def found(page: Page) -> Locator:
    """The titles."""
    return page.locator("#found .shelf strong")


def test_from_the_entrance_by_a_topic_sorted_and_through_its_pages_to_a_book_and_its_neighbours(
    visitor: Visitor,
) -> None:
    visitor.go("/")
    assert_fine(visitor, "entrance")
    page = visitor.page
    page.get_by_role("link", name=re.compile("Giants & others [0-9]+")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Giants & others")
    assert_fine(visitor, "topic")
    page.get_by_role("link", name="Highest price").click()
    expect(page.get_by_role("link", name="Highest price")).to_have_attribute("aria-current", "true")
    expect(found(page).first).to_have_text("Gargantua, volume 1")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("Page 2 of 2")
    expect(found(page).filter(has_text="紅樓夢")).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("Page 1 of 2")
    page.get_by_role("link", name="Gargantua, volume 1", exact=True).click()
    expect(page.get_by_role("heading", name="More in “Giants & others”")).to_be_visible()
    assert_fine(visitor, "book with neighbours")


def test_while_one_types_books_are_found_the_address_follows_and_back_leads_back(visitor: Visitor) -> None:
    visitor.go("/")
    page = visitor.page
    entrance = page.url
    page.get_by_role("searchbox").press_sequentially("rabelais", delay=20)
    expect(page.locator("#said")).to_have_text(f"Books with “rabelais”: {SHELF} books.")
    expect(page).to_have_url(re.compile(r"/\?find=rabelais$"))
    expect(page).to_have_title(re.compile("^Books with “rabelais”"))
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("searchbox").press_sequentially(" volume 12", delay=20)
    expect(page).to_have_url(re.compile(r"/\?find=rabelais\+volume\+12$"))
    expect(found(page)).to_have_count(1)
    assert_fine(visitor, "found while typing")
    page.get_by_role("link", name="Gargantua, volume 12").click()
    expect(page).to_have_url(re.compile("/books/[0-9]+/$"))
    page.go_back()
    expect(found(page)).to_have_text(["Gargantua, volume 12"])
    page.go_back()
    expect(page).to_have_url(entrance)
    expect(page.get_by_role("heading", name="New on the shelf")).to_be_visible()


def test_an_older_answer_that_comes_late_is_not_shown(visitor: Visitor) -> None:
    visitor.go("/")
    page = visitor.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"find=garg$"), hold)
    page.get_by_role("searchbox").fill("garg")
    expect(page.locator("form.htmx-request, input.htmx-request").first).to_be_attached()
    page.get_by_role("searchbox").fill("紅")
    expect(found(page)).to_have_text(["紅樓夢"])
    for each in held:
        each.abort()
    expect(page.locator("#said")).to_have_text("Books with “紅”: 1 book.")
    visitor.excused = ("net::ERR", "Failed to load resource")


def test_a_front_that_has_no_catalog_says_so_while_one_types_and_goes_on(visitor: Visitor) -> None:
    visitor.excused = ("503", "Failed to load resource")
    visitor.go("/")
    page = visitor.page
    page.route(
        re.compile(r"find=garg$"), lambda route: route.fulfill(status=503, content_type="text/html", body=DOWN)
    )
    page.get_by_role("searchbox").fill("garg")
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    page.get_by_role("searchbox").fill("紅")
    expect(found(page)).to_have_text(["紅樓夢"])


def test_a_typo_is_told_and_books_are_found(visitor: Visitor) -> None:
    visitor.go("/?find=gargantau+volum")
    expect(visitor.page.locator("#found")).to_contain_text("Showing results for gargantua volum")
    expect(found(visitor.page).first).to_have_text(NAMES)
    assert_fine(visitor, "typo")


def test_with_the_keyboard_alone_and_without_scripts(chromium: Browser, shop: Store) -> None:
    with Visitor(chromium, shop, has_javascript=False) as plain:
        plain.go("/?topic=Giants+%26+others")
        plain.page.get_by_role("searchbox").focus()
        plain.page.keyboard.type("volume 12")
        plain.page.keyboard.press("Enter")
        expect(found(plain.page).first).to_have_text("Gargantua, volume 12")
        expect(plain.page).to_have_url(re.compile(r"topic=Giants\+%26\+others"))
        plain.page.get_by_role("link", name="Look on all shelves").focus()
        plain.page.keyboard.press("Enter")
        expect(plain.page).to_have_url(re.compile(r"/\?find=volume\+12$"))


def test_nothing_found_shows_ways_on(visitor: Visitor) -> None:
    visitor.go("/?find=qqqqzzzz")
    expect(visitor.page.locator("#found")).to_contain_text("No books.")
    expect(visitor.page.locator("#found .topics a").first).to_be_visible()
    assert_fine(visitor, "nothing")
