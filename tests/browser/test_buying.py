"""Buying in a browser: one order, whatever is pressed, reloaded, lost, killed, or tried again the next day."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.browser.lossy_proxy import lossy_proxy
from tests.browser.shopping import ORDER, buy, change_book, lines_of, new_book, orders_of, reach_order, to_basket
from tests.browser.visitor import Visitor
from tests.client import Client
from tests.store import Store
from tests.waiting import wait_for
from tests.writer_lock import held, holders

REPLICAS = ("catalog-1", "order-1", "catalog-2", "order-2")
ORDERS = ("order-1", "order-2")
AGAIN = re.compile(r"/buy/again/\?asked=")
MANY = 1000
"""Copies that don't sell out, however quick customers are, and however slow replicas to be back."""
ERRORS = ("net::ERR_", "Failed to load resource", "503")


@pytest.fixture
def book(visitor: Visitor) -> int:
    return new_book(visitor.store)


def press_again(page: Page) -> str:
    """After an answer that never came: as somebody does who reloads until there is a page."""
    while True:
        try:
            page.reload()
            return reach_order(page)
        except Error as error:
            if "net::ERR_" not in str(error):
                raise


def test_a_basket_of_three_is_bought_and_reload_back_and_a_second_tab_buy_nothing_more(
    visitor: Visitor, book: int
) -> None:
    to_basket(visitor, book, 2)
    to_basket(visitor, 2)
    to_basket(visitor, 3)
    other_tab = visitor.page.context.new_page()
    other_tab.goto(visitor.page.url)
    visitor.page.get_by_role("button", name="Buy for").dblclick(no_wait_after=True)
    expect(visitor.page).to_have_url(ORDER)
    order = visitor.page.url
    visitor.page.reload()
    assert visitor.page.url == order
    assert buy(other_tab) == order
    visitor.page.go_back()
    if visitor.page.get_by_role("button", name="Buy for").count():
        assert buy(visitor.page) == order
    assert [copies for _, copies in lines_of(visitor.store, book)] == [2]
    visitor.go("/orders/")
    visitor.page.locator("main").get_by_role("link", name="Order ").first.click()
    expect(visitor.page).to_have_url(order)


def test_a_double_click_buys_once(visitor: Visitor, book: int) -> None:
    visitor.go(f"/books/{book}/")
    visitor.page.get_by_role("button", name="Buy now").dblclick(no_wait_after=True)
    expect(visitor.page).to_have_url(ORDER)
    assert orders_of(visitor.store, book) == 1


def test_a_double_click_puts_a_book_in_once_and_who_has_typed_a_number_buys_it_or_is_asked(
    chromium: Browser, visitor: Visitor, book: int
) -> None:
    other = new_book(visitor.store, title="Another one")
    with Visitor(chromium, visitor.store, has_javascript=False) as plain:
        for page in (visitor.page, plain.page):
            for each in (book, other):
                page.goto(f"{visitor.store.front}/books/{each}/")
                page.get_by_role("button", name="Add to basket").dblclick(no_wait_after=True)
                expect(page.get_by_role("heading", name="Basket")).to_be_visible()
            numbers = [page.get_by_label(f"Copies of {title}") for title in ("Sold once", "Another one")]
            expect(numbers[0]).to_have_value("1")
            expect(numbers[1]).to_have_value("1")
            numbers[1].fill("2")
            numbers[1].press("Enter")
            expect(page.get_by_role("button", name="Buy for 37.50")).to_be_visible()
            expect(numbers[1]).to_have_value("2")
            numbers[0].fill("3")
            page.get_by_role("button", name="Buy for").click()
            expect(page.get_by_role("status")).to_contain_text("Nothing was bought yet")
            page.get_by_role("button", name="Buy for 62.50").click()
            expect(page).to_have_url(ORDER)
    assert sorted(copies for _, copies in lines_of(visitor.store, book)) == [3, 3]
    assert sorted(copies for _, copies in lines_of(visitor.store, other)) == [2, 2]


def test_without_scripts_and_cookies_a_book_is_bought_once(chromium: Browser, visitor: Visitor, book: int) -> None:
    with (
        lossy_proxy(visitor.store) as proxy,
        Visitor(chromium, visitor.store, has_javascript=False, url=proxy.url) as plain,
    ):
        proxy.loses_cookies = True
        plain.go(f"/books/{book}/")
        plain.page.get_by_role("button", name="Add to basket").click()
        expect(plain.page.get_by_role("alert")).to_contain_text("keeps no cookie")
        plain.page.get_by_role("link", name="buy the book from its own page").click()
        plain.page.get_by_role("button", name="Buy now").click()
        expect(plain.page).to_have_url(ORDER)
        order = plain.page.url
        plain.page.reload()
        assert plain.page.url == order
    assert orders_of(visitor.store, book) == 1


def test_what_sold_out_or_changed_its_price_meanwhile_is_named_and_the_rest_is_bought(
    visitor: Visitor, book: int
) -> None:
    store, other = visitor.store, new_book(visitor.store, title="Sells out", price="3.00")
    to_basket(visitor, book, 2)
    to_basket(visitor, other)
    change_book(store, book, price="13.00")
    visitor.page.get_by_role("button", name="Buy for 28.00").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("costs 13.00")
    change_book(store, other, quantity=0)
    visitor.page.get_by_role("button", name="Buy for 29.00").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("“Sells out”: sold out")
    visitor.page.get_by_role("button", name="Buy the rest for 26.00").click()
    expect(visitor.page).to_have_url(ORDER)
    assert (orders_of(store, book), orders_of(store, other)) == (1, 0)
    visitor.go("/basket/")
    expect(visitor.page.locator("main")).to_contain_text("None of it can be had now")
    expect(visitor.page.locator("main")).to_contain_text("Sells out")


@pytest.mark.parametrize("has_javascript", [True, False])
@pytest.mark.parametrize("is_basket", [True, False])
def test_after_a_refusal_back_forward_and_reload_ask_for_pages_and_send_no_form(
    chromium: Browser, visitor: Visitor, book: int, is_basket: bool, has_javascript: bool
) -> None:
    with Visitor(chromium, visitor.store, has_javascript=has_javascript) as somebody:
        page, sent = somebody.page, list[str]()
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        if is_basket:
            to_basket(somebody, book)
        else:
            somebody.go(f"/books/{book}/")
        change_book(visitor.store, book, price="13.00")
        page.get_by_role("button", name="Buy for" if is_basket else "Buy now").click()
        for step in (None, page.reload, page.go_back, page.go_forward, page.reload):
            if step is not None:
                step()
            if step != page.go_back:
                expect(page.get_by_role("alert")).to_contain_text("costs 13.00")
        assert len([url for url in sent if url.endswith("/buy/")]) == 1
        page.get_by_role("button", name="Buy for" if is_basket else "Buy now").click()
        expect(page).to_have_url(ORDER)
        page.go_back()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.reload()
        page.go_forward()
        expect(page).to_have_url(ORDER)
    assert orders_of(visitor.store, book) == 1


def test_a_lost_answer_is_asked_for_again_and_the_next_day_the_form_of_before_still_finds_the_order(
    chromium: Browser, visitor: Visitor, book: int
) -> None:
    store = visitor.store
    with lossy_proxy(store) as proxy, Visitor(chromium, store, url=proxy.url) as unlucky:
        unlucky.excused = ERRORS
        to_basket(unlucky, book)
        proxy.loses_answers_to = b"POST /buy/"
        unlucky.page.get_by_role("button", name="Buy for").click(no_wait_after=True)
        # Not before it has given up: on a connection that was used before, it tries once more by itself.
        with pytest.raises(Error, match="net::ERR_"):
            unlucky.page.wait_for_url(ORDER)
        assert proxy.lost
        proxy.loses_answers_to = None
        assert orders_of(store, book) == 1
        evening = unlucky.page.context.storage_state()
        order = press_again(unlucky.page)
        with Visitor(chromium, store, url=proxy.url, state=evening) as next_day:
            next_day.go("/basket/")
            assert buy(next_day.page) == order
            next_day.go("/basket/")
            expect(next_day.page.locator("main")).to_contain_text("nothing in your basket")
    assert orders_of(store, book) == 1


def test_the_front_is_killed_in_the_middle_of_a_purchase(visitor: Visitor, book: int) -> None:
    visitor.excused = ERRORS
    store, lock = visitor.store, visitor.store.data / "locks" / "catalog"
    other = new_book(store, title="For later")
    to_basket(visitor, book)
    later = visitor.page.context.new_page()
    with held(lock / "mutex"):
        visitor.page.get_by_role("button", name="Buy for").click(no_wait_after=True)
        wait_for(lambda: holders(lock / "turnstile"), what="the purchase at the catalog")
        old = store.kill("front")
    store.wait_restarted("front", old)
    later.goto(f"{store.front}/books/{other}/")
    later.get_by_role("button", name="Add to basket").click()
    expect(later.locator("tbody tr")).to_have_count(2)
    order = press_again(visitor.page)
    assert [copies for _, copies in lines_of(store, book)] == [1]
    visitor.go("/basket/")
    expect(visitor.page.locator("tbody tr")).to_have_count(1)
    assert buy(visitor.page) != order
    assert orders_of(store, book) == orders_of(store, other) == 1


@pytest.mark.parametrize("has_javascript", [True, False])
def test_a_purchase_that_is_not_known_to_be_made_is_offered_again_on_a_page_of_its_own(
    chromium: Browser, visitor: Visitor, book: int, has_javascript: bool
) -> None:
    store = visitor.store
    with Visitor(chromium, store, has_javascript=has_javascript) as unlucky:
        unlucky.excused = ("503",)
        page, sent = unlucky.page, list[str]()
        page.context.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        to_basket(unlucky, book, 2)
        basket, sent[:] = page.url, []
        lock = store.data / "locks" / "catalog"
        with held(lock / "mutex"):
            page.get_by_role("button", name="Buy for 25.00").click(no_wait_after=True)
            wait_for(lambda: holders(lock / "turnstile"), what="the purchase at the catalog")
            for node in ORDERS:
                store.kill(node)
            expect(page).to_have_url(AGAIN)
            for step in (None, page.reload, page.go_back, page.go_forward, page.reload):
                if step is not None:
                    step()
                expect(page).to_have_url(basket if step == page.go_back else AGAIN)
            expect(page.get_by_role("heading", level=1)).to_contain_text("It isn't known yet whether this was bought")
            expect(page.locator("main")).to_contain_text("2 copies, together 25.00")
            second = page.context.new_page()
            second.goto(page.url)
            expect(second.get_by_role("button", name="Buy", exact=True)).to_be_visible()
            assert len(sent) == 1, sent
        store.wait_ready()
        order = reach_order(second)
        # Who only looks again is led to the order, and sends no form.
        sent.clear()
        page.reload()
        expect(page).to_have_url(order)
        page.go_back()
        page.reload()
        assert not sent
        unlucky.go("/basket/")
        expect(page.locator("main")).to_contain_text("nothing in your basket")
    assert [copies for _, copies in lines_of(store, book)] == [2]


def test_each_purchase_is_one_order_while_replicas_are_killed(visitor: Visitor, book: int) -> None:
    visitor.excused = ERRORS
    store, other = visitor.store, new_book(visitor.store, title="Bought along", quantity=MANY)
    change_book(store, book, quantity=MANY)
    bought: set[str] = set()
    with replicas_killed(store) as victims:
        while len(set(victims)) < len(REPLICAS) or len(bought) < len(REPLICAS):
            to_basket(visitor, book)
            to_basket(visitor, other, 2)
            bought.add(buy(visitor.page))
    store.wait_ready()
    ids = {url.rstrip("/").rpartition("/")[2].replace("-", "") for url in bought}
    assert lines_of(store, book) == {(order, 1) for order in ids}
    assert lines_of(store, other) == {(order, 2) for order in ids}
    shop = Client(store)
    assert shop.get(f"/product/{book}").json["quantity"] == MANY - len(bought)
    assert shop.get(f"/product/{other}").json["quantity"] == MANY - 2 * len(bought)


@contextmanager
def replicas_killed(store: Store) -> Iterator[list[str]]:
    """One after the other, each as soon as the one before is up again; who was killed."""
    victims: list[str] = []
    has_ended = threading.Event()

    def kill() -> None:
        for victim in cycle(REPLICAS):
            if has_ended.is_set():
                return
            store.wait_restarted(victim, store.kill(victim))
            victims.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield victims
    finally:
        has_ended.set()
        thread.join()


def test_tabs_that_change_one_basket_undo_nothing_of_one_another(visitor: Visitor, book: int) -> None:
    other = new_book(visitor.store, title="From the other tab")
    to_basket(visitor, book)
    second = visitor.page.context.new_page()
    second.goto(f"{visitor.store.front}/books/{other}/")
    to_basket(visitor, book)
    second.get_by_role("button", name="Add to basket").click()
    expect(second.locator("tbody tr")).to_have_count(2)
    expect(second.get_by_label("Copies of Sold once")).to_have_value("2")
    to_basket(visitor, book)
    row = second.locator("tr", has_text="Sold once")
    row.get_by_role("button", name="Change").click()
    expect(second.get_by_role("status")).to_contain_text("Another tab has made it 3 copies")
    expect(second.get_by_label("Copies of Sold once")).to_have_value("3")
    visitor.page.locator("tr", has_text="Sold once").get_by_role("button", name="Take out").click()
    expect(visitor.page.locator("tbody tr")).to_have_count(1)
    second.get_by_label("Copies of Sold once").fill("5")
    row.get_by_role("button", name="Change").click()
    expect(second.get_by_role("status")).to_contain_text("had left the basket in another tab. It is in again")
    buy(second)
    assert [copies for _, copies in lines_of(visitor.store, book)] == [5]
