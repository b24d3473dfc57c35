"""The picture of the cluster page shows what happens as it happens, and is enough for whoever can't see it move."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.outage import out_of_sync
from tests.browser.shopping import new_book
from tests.browser.test_pages import SETTINGS, SLOW
from tests.browser.visitor import NARROW, WIDE, Visitor
from tests.client import Client
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

MANY = 100_000
"""Copies that don't sell out, however often a slow machine has to be asked."""
NOTED = """() => {
    window.noted = [];
    window.since = {};
    const note = (records) => records.forEach(({target, addedNodes}) => {
        for (const each of addedNodes) noted.push(each.className.replace("dot ", ""));
    });
    new MutationObserver(note).observe(document.getElementById("dots"), {childList: true});
    const lit = (records) => records.forEach(({target}) => {
        if (target.classList?.contains("lit")) noted.push(`${target.dataset.at} ${[...target.classList].join(" ")}`);
    });
    new MutationObserver(lit).observe(document.getElementById("picture"),
        {attributes: true, attributeFilter: ["class"], subtree: true});
}"""
"""Notes the kinds of dots that set out, and the parts that light up."""


SENTENCES = ("order replica", "sell", "Commit on both files", "Invalidate", "Raise the floor", "writes the order")
"""Parts of those of a purchase, between the first step and the last."""
DRAWN_IN_PART = re.compile(r"Live. \d\d+ requests in the last second; \d+ (of them are drawn|are followed here)")


def open_live(visitor: Visitor) -> None:
    visitor.go("/cluster/")
    expect(visitor.page.locator("#picture[data-live]")).to_be_attached()
    visitor.page.evaluate(NOTED)


def noted(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.page.evaluate("noted")
    return found


def until_noted(visitor: Visitor, what: str, act: Callable[[], object]) -> None:
    """Does it again until it was seen: a slow machine answers past the cache, or a picture that has much to draw."""

    def is_seen() -> bool:
        if any(re.search(what, each) for each in noted(visitor)):
            return True
        act()
        return False

    wait_for(is_seen, what=what)


def drawn(visitor: Visitor, part: str) -> Locator:
    """Of the drawing that is shown at this width."""
    return visitor.page.locator(f".drawing:visible [data-part='{part}']")


def test_a_miss_a_hit_a_purchase_and_its_invalidation_are_drawn(visitor: Visitor) -> None:
    book = new_book(visitor.store, quantity=MANY)
    path = f"/product/{book}"
    open_live(visitor)
    with Client(visitor.store) as shop:
        until_noted(visitor, "^miss$", lambda: (shop.buy(book), shop.get(path)))
        until_noted(visitor, "^hit$", lambda: shop.get(path))
        until_noted(visitor, "^purchase$", lambda: shop.buy(book))
        until_noted(visitor, "^invalidation$", lambda: (shop.get_hit(path), shop.buy(book)))
    expect(drawn(visitor, "slot:0")).to_have_attribute("data-look", re.compile("full"))
    expect(visitor.page.locator(".drawing:visible [data-says='floor:catalog']")).not_to_have_text("?")


def test_a_killed_replica_is_seen_at_once_and_the_other_takes_over(staff: Visitor) -> None:
    """Nobody asks anything: the kernel tells. Then somebody does, and the other one takes over."""
    open_live(staff)
    page, store = staff.page, staff.store
    page.evaluate(
        """() => {
            window.told = [];
            // Two may come in one beat: each is a text of its own.
            new MutationObserver(records => records.forEach(
                ({addedNodes}) => addedNodes.forEach(({textContent}) => told.push(textContent))
            )).observe(document.getElementById("last-news"), {childList: true});
        }"""
    )
    old = store.kill("catalog-1")
    # Among other news: the front, which polls, may meet it a moment before.
    wait_for(lambda: f"catalog-1 process {old} has ended" in page.evaluate("told"), what="news")
    with Client(store) as shop:

        def is_taken_over() -> bool:
            """A replica that is back before anybody has asked it is killed once more."""
            if is_told(page, "requests go to catalog-2"):
                return True
            if store.pid("catalog-1") != old:
                store.wait_ready("catalog-1")
                store.kill("catalog-1")
            for unknown in (1001, 1002, 1003):
                shop.get(f"/product/{unknown}")
            return False

        wait_for(is_taken_over, what="the other one")
    store.wait_ready("catalog-1")
    expect(drawn(staff, "node:catalog-1")).to_have_attribute("data-look", re.compile(r"^up"))
    assert any(re.search("^catalog-1 .*failed", each) for each in noted(staff))


def test_a_stopped_replica_is_drawn_so_with_what_can_be_done_about_it(staff: Visitor) -> None:
    open_live(staff)
    page = staff.page
    page.locator(".drawing:visible [href='#menu-order-1']").click()
    menu = page.locator("#menu-order-1")
    expect(menu.get_by_role("link", name="Stop")).to_be_visible()
    expect(menu.get_by_role("link", name="Start")).to_be_hidden()
    staff.store.manage("node", "stop", "order-1")
    expect(drawn(staff, "node:order-1")).to_have_attribute("data-look", re.compile("^out"))
    expect(drawn(staff, "node:order-1")).to_contain_text("stopped on purpose")
    expect(menu.get_by_role("link", name="Start")).to_be_visible()
    expect(menu.get_by_role("link", name="Stop")).to_be_hidden()
    menu.get_by_role("link", name="Start").click()
    page.locator(".confirm form button").click()
    expect(drawn(staff, "node:order-1")).to_have_attribute("data-look", re.compile("^up"))


def test_a_repair_by_copy_is_drawn(staff: Visitor) -> None:
    node = "order-2"
    staff.excused = ("409",)
    open_live(staff)
    page = staff.page
    page.locator(f".drawing:visible [href='#menu-file:{node}']").click()
    page.locator(f"[id='menu-file:{node}']").get_by_role("link", name="Delete file").click()
    page.locator(".confirm form button").click()
    expect(page.locator("#picture[data-live]")).to_be_attached()
    with Client(staff.store) as shop:
        # It is found without a write, be the book sold out by then.
        wait_for(
            lambda: shop.buy(5).status in (201, 409) and is_told(page, "rejoined by copy"),
            what="a repair",
        )
    # What happened while this page was being loaded isn't among its news.
    expect(drawn(staff, f"file:{node}")).to_have_attribute("data-look", "in")


def test_a_file_that_is_out_of_sync_is_drawn_so_until_it_has_rejoined_by_log(staff: Visitor) -> None:
    open_live(staff)
    with out_of_sync(staff.store, "catalog-2"):
        expect(drawn(staff, "file:catalog-2")).to_have_attribute("data-look", "out")
    expect(staff.page.locator("#events")).to_contain_text("rejoined by log")
    expect(drawn(staff, "file:catalog-2")).to_have_attribute("data-look", "in")


def is_told(page: Page, event: str) -> bool:
    return event in page.locator("#events").inner_text()


# ------------------------------------------------------------------------------------------- slow motion


def test_slow_motion_takes_one_request_at_a_time_with_the_designs_sentence_for_each_step(visitor: Visitor) -> None:
    book = new_book(visitor.store, quantity=MANY)
    open_live(visitor)
    page = visitor.page
    page.get_by_role("button", name="Slow motion").click()
    page.get_by_role("button", name="Pause").click()
    with Client(visitor.store) as shop:

        def is_purchase() -> bool:
            if "a purchase" in page.locator("#slow-what").inner_text():
                return True
            shop.buy(book)
            return False

        wait_for(is_purchase, what="a purchase in slow motion")
        steps = page.locator("#slow-steps li")
        expect(steps).to_have_count(8)
        current = page.locator("#slow-steps [aria-current]")
        expect(current).to_contain_text("A request comes to the front.")
        for sentence in (
            "order replica",
            "sell",
            "Commit on both files",
            "Invalidate",
            "Raise the floor",
            "writes the order",
        ):
            page.get_by_role("button", name="Next step").click()
            expect(current).to_contain_text(sentence)
        page.get_by_role("button", name="Next step").click()
        expect(current).to_contain_text("Acknowledge")
        expect(page.locator("#slow-steps .concluded")).not_to_have_count(0)
        page.get_by_role("button", name="Next step").click()
        for _ in range(3):
            shop.buy(book)
        expect(steps.first).to_contain_text("A request comes")
    page.get_by_role("button", name="Slow motion").click()
    expect(page.locator("#slow-way")).to_be_hidden()


# --------------------------------------------------------------------------------------------- many at once


@contextmanager
def crowd(store: Store) -> Iterator[None]:
    """Reads as fast as one client can, far over what is drawn."""
    over = threading.Event()

    def read() -> None:
        with Client(store) as shop:
            while not over.is_set():
                shop.get("/product/2")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


def test_a_crowd_is_drawn_in_part_and_the_page_says_so(visitor: Visitor) -> None:
    """It doesn't fall behind: dots are bounded, and what happens afterwards is shown at once."""
    visitor.excused = (SLOW,)
    open_live(visitor)
    page = visitor.page
    with crowd(visitor.store):
        # Looked at once: a second later it says something else.
        said = wait_for(lambda: DRAWN_IN_PART.search(page.locator("#feed-said").inner_text()), what="a crowd")
        assert said is not None
        answered, told = map(int, re.findall(r"\d+", said[0]))
        assert told < answered, said[0]
        assert told <= 30, said[0]
        assert page.locator("#dots .dot").count() <= 12
    expect(page.locator("#feed-said")).to_have_text("Live.")
    visitor.store.manage("node", "stop", "order-2")
    expect(drawn(visitor, "node:order-2")).to_contain_text("stopped")
    visitor.store.manage("node", "start", "order-2")
    expect(drawn(visitor, "node:order-2")).to_have_attribute("data-look", re.compile("^up"))
    expect(page.locator("#dots .dot")).to_have_count(0)


# ------------------------------------------------------------------------------------------------- for all


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_can_be_used_by_keyboard_and_explains_its_words(visitor: Visitor, width: int) -> None:
    visitor.look(width, "light")
    open_live(visitor)
    page = visitor.page
    for word, means in (("lease", "may use its cache"), ("floor", "visible"), ("epoch", "rises whenever")):
        drawn_word = page.locator(".drawing:visible .word").filter(has_text=word).first
        drawn_word.focus()
        expect(page.locator("#means")).to_contain_text(means)
        drawn_word.evaluate("each => each.blur()")
        expect(page.locator("#means")).to_be_hidden()
        drawn_word.hover()
        expect(page.locator("#means")).to_contain_text(means)
        page.mouse.move(0, 0)
    lag = page.locator("#nodes .word").filter(has_text="Lag")
    lag.focus()
    assert "lacks" in lag.evaluate("each => getComputedStyle(each, '::after').content")
    link = page.locator(".drawing:visible [href='#menu-catalog-2']")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#menu-catalog-2")).to_be_visible()
    expect(page.locator("#menu-catalog-2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#menu-catalog-2")).to_be_hidden()
    expect(link).to_be_focused()


def test_who_is_quick_to_close_a_menu_is_back_where_it_was_opened(visitor: Visitor) -> None:
    """The menu is there, and has the focus, before `hashchange` tells of it."""
    open_live(visitor)
    visitor.page.evaluate(
        """() => {
            location.hash = "#menu-catalog-2";
            document.getElementById("menu-catalog-2").focus();
            document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
        }"""
    )
    expect(visitor.page.locator("#menu-catalog-2")).to_be_hidden()
    expect(visitor.page.locator(".drawing:visible [href='#menu-catalog-2']")).to_be_focused()


def test_it_has_no_barriers_while_it_moves_nor_with_a_menu_open(staff: Visitor) -> None:
    staff.excused = (SLOW,)
    open_live(staff)
    staff.page.get_by_role("button", name="Slow motion").click()
    staff.page.locator("#ways summary").click()
    for width, scheme in SETTINGS:
        staff.look(width, scheme)
        for opened in ("menu-front", "menu-file:catalog-1", "menu-client"):
            staff.page.locator(f".drawing:visible [href='#{opened}']").click()
            expect(staff.page.locator(f"[id='{opened}']")).to_be_visible()
            assert (staff.overflow_px(), staff.barriers()) == (0, []), (opened, width, scheme)
            staff.page.keyboard.press("Escape")


def test_who_wants_no_motion_sees_no_dot_move(visitor: Visitor) -> None:
    visitor.page.emulate_media(reduced_motion="reduce")
    open_live(visitor)
    with Client(visitor.store) as shop:
        until_noted(visitor, "^client lit|client part lit", lambda: shop.get("/product/2"))

        def is_told() -> bool:
            shop.get("/product/2")  # What is told of the last second is gone with it.
            return "in the last second" in visitor.page.locator("#feed-said").inner_text()

        wait_for(is_told, what="how many requests there were")
    assert not [each for each in noted(visitor) if " " not in each]


def test_without_javascript_it_is_drawn_as_it_is_and_its_menus_open(chromium: Browser, breakable: Store) -> None:
    with Visitor(chromium, breakable, has_javascript=False) as visitor:
        visitor.be_staff()
        visitor.go("/cluster/")
        expect(drawn(visitor, "node:catalog-2")).to_have_attribute("data-look", re.compile("^up"))
        expect(visitor.page.locator("#player")).to_be_hidden()
        visitor.page.locator(".drawing:visible [href='#menu-catalog-2']").click()
        expect(visitor.page.locator("#menu-catalog-2").get_by_role("link", name="Kill")).to_be_visible()


def test_who_is_not_staff_learns_what_a_part_is_and_is_offered_nothing(visitor: Visitor) -> None:
    open_live(visitor)
    visitor.page.locator(".drawing:visible [href='#menu-file:catalog-1']").click()
    menu = visitor.page.locator("[id='menu-file:catalog-1']")
    expect(menu).to_contain_text("In-sync set")
    expect(menu.get_by_role("link")).to_have_text(["Close"])


def test_it_says_so_when_it_is_not_live_and_goes_on_by_itself(staff: Visitor) -> None:
    staff.excused = ("ERR_", "Failed to fetch", SLOW)
    open_live(staff)
    old = staff.store.pid("front")
    staff.store.manage("node", "stop", "front")
    expect(staff.page.locator("#feed-said")).to_contain_text("Not live")
    staff.store.manage("node", "start", "front")
    staff.store.wait_restarted("front", old)
    expect(staff.page.locator("#picture[data-live]")).to_be_attached()


FED_BY_HAND = """window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    constructor() { super(); window.feed = this; }
    tell(name, told) { this.dispatchEvent(new MessageEvent(name, {data: JSON.stringify(told)})); }
    close() {}
}"""


def test_what_was_told_just_before_a_connection_is_lost_does_not_hide_that(visitor: Visitor) -> None:
    visitor.page.add_init_script(FED_BY_HAND)
    visitor.go("/cluster/")
    visitor.page.evaluate("""() => {
        feed.tell("rate", {answered: 3, drawn: 3});
        feed.onerror();
        feed.tell("happened", {kind: "left", node: "catalog-1", text: "has left"});
    }""")
    expect(visitor.page.locator("#last-news")).to_have_text("catalog-1 has left")
    assert "Not live" in visitor.page.locator("#feed-said").inner_text()


def test_in_slow_motion_a_dot_is_followed_in_a_crowd_too(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install(time=0)
    page.add_init_script(FED_BY_HAND)
    visitor.go("/cluster/")
    page.clock.pause_at(3600)  # Seconds: from now on, no time goes by itself.
    page.evaluate("""() => {
        feed.tell("rate", {answered: 100, drawn: 20});
        document.getElementById("slow").click();
    }""")
    page.clock.run_for(1000)
    page.evaluate("""() => feed.tell("answered", {
        kind: "hit", for: 1, method: "GET", route: "/", took_ms: 1, steps: [["ask", ["client"], "", true]],
    })""")
    page.clock.run_for(150)
    seen = set()
    for _ in range(3):
        page.clock.run_for(150)
        seen.add(page.locator("#dots .dot").get_attribute("style"))
    assert len(seen) == 3, seen


def test_of_a_crowd_some_are_followed_to_their_end_and_the_page_says_how_many(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install(time=0)
    page.add_init_script(FED_BY_HAND)
    visitor.go("/cluster/")
    page.clock.pause_at(3600)
    feed = """() => {
        for (let n = 0; n < 20; n++) feed.tell("answered", {kind: "hit", for: 5, method: "GET", route: "/",
            took_ms: 1, steps: [["ask", ["client"], "", true], ["answer", ["client"], "", true]]});
        feed.tell("rate", {answered: 100, drawn: 20});
    }"""
    page.evaluate("feed.tell('rate', {answered: 100, drawn: 20})")
    page.clock.run_for(1200)
    said, ways = set(), set()
    for _ in range(6):
        page.evaluate(feed)
        page.clock.run_for(1200)
        dots = page.locator("#dots .dot").evaluate_all("dots => dots.map(each => each.style.transform)")
        assert len(dots) <= 5, dots
        said.add(page.locator("#feed-said").inner_text())
        ways |= set(dots)
    assert len(ways) == 2, "to the front, and back"
    assert said == {"Live. 100 requests in the last second; 5 are followed here."}
    page.evaluate("feed.tell('happened', {kind: 'ended', node: 'catalog-1', text: 'process 1 has ended'})")
    page.clock.run_for(200)
    assert page.locator("#last-news").inner_text() == "catalog-1 process 1 has ended", "news wait for no crowd"


CHANGES = """() => {
    window.changes = [];
    new MutationObserver(() => changes.push(performance.now()))
        .observe(document.getElementById("picture"), {attributes: true, childList: true, subtree: true});
}"""
"""Notes when the picture changes: each costs a frame."""
ASKED = """() => {
    for (const kind of ["hit", "miss"]) feed.tell("answered", {kind, for: 1, method: "GET", route: "/", took_ms: 1,
        steps: [["ask", ["client"], "", true], ["find", ["front"], "", true], ["answer", ["client"], "", true]]});
    feed.tell("rate", {answered: 2, drawn: 2});
}"""


def test_a_page_that_has_much_to_draw_is_sparing_of_frames_until_it_has_rested(visitor: Visitor) -> None:
    page = visitor.page
    visitor.excused = (SLOW,)  # Its clock leaps.
    page.clock.install(time=0)
    page.add_init_script(FED_BY_HAND)
    visitor.go("/cluster/")
    page.clock.pause_at(3600)
    page.evaluate(CHANGES)

    def ask(seconds: int) -> int:
        """Two requests a second; in how many frames they were drawn."""
        page.evaluate("changes.length = 0")
        for _ in range(seconds):
            page.evaluate(ASKED)
            page.clock.run_for(1000)
        return int(page.evaluate("new Set(changes).size"))

    assert ask(2) >= 10, "at first a dot moves"
    ask(10)
    assert ask(20) <= 20
    kinds = page.locator("#dots .dot").evaluate_all("dots => dots.map(each => each.classList[1])")
    assert set(kinds) == {"hit", "miss"}
    page.clock.run_for(20_000)
    assert ask(2) >= 10, "it has rested"


def test_as_many_watch_as_may_and_the_next_one_has_a_page_all_the_same(visitor: Visitor) -> None:
    visitor.excused = ("503",)
    with ExitStack() as others:
        for _ in range(50):
            with suppress(HTTPError):  # Some of them are too many.
                others.enter_context(urlopen(f"{visitor.store.front}/cluster/feed/", timeout=PATIENCE_S))
        visitor.go("/cluster/")
        expect(visitor.page.locator("#feed-said")).to_contain_text("Not live: too many")
        expect(visitor.page.locator("#nodes")).to_contain_text("catalog-1")
