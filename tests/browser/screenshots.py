"""Pictures of every page, on a phone and on a desk, in light and in dark: `python -m tests.browser.screenshots`.

For people to look at, of a store of its own in which a few things have happened.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect

from tests.browser.outage import out_of_sync
from tests.browser.shopping import change_book, new_book, to_basket
from tests.browser.visitor import BOOKS, NARROW, WIDE, Scheme, Visitor, chromium
from tests.client import Client
from tests.store import Store

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
MORE_BOOKS = (
    ("The Mythical Man-Month", "Frederick P. Brooks", "9780201835953", "software engineering", "31.90", 14),
    ("Operating Systems: Three Easy Pieces", "R. and A. Arpaci-Dusseau", None, "operating systems", "22.00", 120),
    ("Designing Data-Intensive Applications", "Martin Kleppmann", "9781449373320", "distributed systems", "44.50", 3),
    ("The Art of Computer Programming, Volume 1: Fundamental Algorithms", "Donald E. Knuth", "9780201896831",
     "algorithms", "79.99", 0),
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """What a visitor has before them. `show` goes there from any page."""

    name: str
    show: Callable[[Visitor], None]
    is_logged_in: bool = True
    media: Literal["screen", "print"] = "screen"


def at(node: str, path: str) -> Callable[[Visitor], None]:
    return lambda visitor: visitor.go(path, node)


def _basket(visitor: Visitor) -> None:
    for book in (2, 1):
        visitor.go(f"/books/{book}/")
        visitor.page.get_by_role("button", name="Add to basket").click()


def _basket_of_long_titles(visitor: Visitor) -> None:
    for title in (" ".join(["A Rather Long Title"] * 9), "W" * 150):
        to_basket(visitor, new_book(visitor.store, title=title, price="1234567.80"), 2)


def _order(visitor: Visitor) -> None:
    _basket(visitor)
    visitor.page.get_by_role("button", name="Buy for").click()


def _changed_order(visitor: Visitor) -> str:
    """One of which a part was cancelled and refunded; its id."""
    with Client(visitor.store) as shop:
        order = str(shop.buy_lines([(2, 2), (1, 1)]).json["id"])
        shop.post(
            f"/api/v1/orders/{order}/cancel/", {"lines": [{"book": 2}], "reason": "one is enough"}, as_staff=True
        )
        shop.post(f"/api/v1/orders/{order}/refund/", {"reason": "in cash"}, as_staff=True)
    return order


def _of_a_changed_order(node: str, path: str) -> Callable[[Visitor], None]:
    return lambda visitor: visitor.go(path.format(_changed_order(visitor)), node)


def _cancelled_order(visitor: Visitor) -> None:
    order = _changed_order(visitor)
    with Client(visitor.store) as shop:
        shop.cancel(order)
    visitor.go(f"/orders/{order}/")


def _day(visitor: Visitor) -> None:
    for _ in range(3):
        trade(Client(visitor.store))
    visitor.go("/day/")


def _sold_out_meanwhile(visitor: Visitor) -> None:
    """A basket of which one book changed its price, and another sold out, before it was bought."""
    changed, gone = (new_book(visitor.store, title=title) for title in ("Dearer Now", "Gone by Now"))
    for book in (changed, gone, 1):
        to_basket(visitor, book, 2)
    change_book(visitor.store, changed, price="14.00")
    change_book(visitor.store, gone, quantity=0)
    visitor.page.get_by_role("button", name="Buy for").click()
    expect(visitor.page.get_by_role("alert")).to_be_visible()


def _refused_at_once(visitor: Visitor) -> None:
    book = new_book(visitor.store, title="Nearly Gone")
    visitor.go(f"/books/{book}/")
    visitor.page.get_by_label("Copies").fill("4")
    change_book(visitor.store, book, quantity=1)
    visitor.page.get_by_role("button", name="Buy now").click()
    expect(visitor.page.get_by_role("alert")).to_be_visible()


def _sold_out(visitor: Visitor) -> None:
    visitor.go(f"/books/{new_book(visitor.store, title='Gone', quantity=0)}/")


def _orders(visitor: Visitor) -> None:
    for _ in range(2):
        _order(visitor)
    visitor.go("/orders/")


def _import_with_rejects(visitor: Visitor) -> None:
    visitor.go(f"{BOOKS}import/", "catalog-1")
    rows = b"title,price,stock\nA good one,9.90,3\nNo price,cheap,3\n,5.00,1\n"
    visitor.upload("[name=file]", rows)
    visitor.page.get_by_role("button", name="Import").click()
    expect(visitor.page.locator("#report")).to_be_visible()


def _import_too_large(visitor: Visitor) -> None:
    visitor.go(f"{BOOKS}import/", "catalog-1")
    rows = b"title\n" + b"a" * (3 << 20)
    visitor.upload("[name=file]", rows)
    visitor.page.get_by_role("button", name="Import").click()
    visitor.page.wait_for_load_state()


def _choosing(action: str) -> Callable[[Visitor], None]:
    def show(visitor: Visitor) -> None:
        visitor.go(BOOKS, "catalog-1")
        for box in visitor.page.locator(".action-select").all()[:3]:
            box.check()
        visitor.page.get_by_role("combobox").first.select_option(action)
        visitor.page.get_by_role("button", name="Go").click()
        expect(visitor.page.locator(".submit-row")).to_be_visible()

    return show


def _not_saved(visitor: Visitor) -> None:
    visitor.go(BOOKS, "catalog-1")
    visitor.page.locator("[name=form-1-price]").evaluate("field => field.value = '-1'")
    visitor.page.get_by_role("button", name="Save").click()
    expect(visitor.page.locator(".errornote")).to_be_visible()


def _api_docs(visitor: Visitor) -> None:
    visitor.go("/api/docs/")
    expect(visitor.page.locator(".opblock").first).to_be_visible()


def _api_docs_open(visitor: Visitor) -> None:
    _api_docs(visitor)
    operation = visitor.page.locator(".opblock").filter(has_text="/api/v1/books/{book_id}/").first
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator(".responses-table").first).to_be_visible()


def _cluster_in_use(visitor: Visitor) -> None:
    for _ in range(3):
        trade(Client(visitor.store))
    visitor.go("/cluster/")


WHOLE = (
    Scene("shop", at("front", "/"), is_logged_in=False),
    Scene("shop-nothing-found", at("front", "/?find=nothing")),
    Scene("shop-topic", at("front", "/?topic=distributed+systems"), is_logged_in=False),
    Scene("shop-found", at("front", "/?find=undergad"), is_logged_in=False),
    Scene("shop-book", at("front", "/books/2/"), is_logged_in=False),
    Scene("shop-basket", _basket, is_logged_in=False),
    Scene("shop-basket-long", _basket_of_long_titles, is_logged_in=False),
    Scene("shop-order", _order, is_logged_in=False),
    Scene("shop-order-changed", _of_a_changed_order("front", "/orders/{}/"), is_logged_in=False),
    Scene("shop-order-cancelled", _cancelled_order, is_logged_in=False),
    Scene("shop-orders", _orders, is_logged_in=False),
    Scene("shop-sold-out", _sold_out, is_logged_in=False),
    Scene("shop-refused", _refused_at_once, is_logged_in=False),
    Scene("shop-basket-refused", _sold_out_meanwhile, is_logged_in=False),
    Scene("shop-basket-printed", _basket, is_logged_in=False, media="print"),
    Scene("shop-order-printed", _order, is_logged_in=False, media="print"),
    Scene("day", _day),
    Scene("day-low", at("front", "/day/low/")),
    Scene("day-not-found", at("front", "/day/?date=2029-12-31&number=0000+0000")),
    Scene("shop-not-found", at("front", "/books/999999/"), is_logged_in=False),
    Scene("cluster", _cluster_in_use),
    Scene("cluster-anybody", at("front", "/cluster/"), is_logged_in=False),
    Scene("control", at("front", "/cluster/controls/file/delete/catalog-1/")),
    Scene("control-rush", at("front", "/cluster/controls/store/rush/")),
    Scene("login", at("front", "/api-auth/login/"), is_logged_in=False),
    Scene("api-books", at("front", "/api/v1/books/")),
    Scene("api-book", at("front", "/api/v1/books/1/")),
    Scene("api-book-anybody", at("front", "/api/v1/books/1/"), is_logged_in=False),
    Scene("api-restock", at("front", "/api/v1/books/1/restock/")),
    Scene("api-orders", at("front", "/api/v1/orders/")),
    Scene("api-not-found", at("front", "/product/999999")),
    Scene("api-purchase", at("order-1", "/purchase/1")),
    Scene("api-catalog", at("catalog-1", "/api/v1/books/")),
    Scene("api-docs", _api_docs),
    Scene("api-docs-open", _api_docs_open),
    Scene("admin-login", at("catalog-1", "/admin/login/"), is_logged_in=False),
    Scene("admin-catalog", at("catalog-1", "/admin/")),
    Scene("admin-books", at("catalog-1", BOOKS)),
    Scene("admin-books-not-saved", _not_saved),
    Scene("admin-book", at("catalog-1", f"{BOOKS}1/change/")),
    Scene("admin-book-new", at("catalog-1", f"{BOOKS}add/")),
    Scene("admin-book-history", at("catalog-1", f"{BOOKS}1/history/")),
    Scene("admin-import", at("catalog-1", f"{BOOKS}import/")),
    Scene("admin-import-rejects", _import_with_rejects),
    Scene("admin-import-too-large", _import_too_large),
    Scene("admin-restock", _choosing("restock")),
    Scene("admin-retire", _choosing("retire")),
    Scene("admin-ledger", at("catalog-1", "/admin/catalog_app/ledgerentry/")),
    Scene("admin-order-node", at("order-1", "/admin/")),
    Scene("admin-orders", at("order-1", "/admin/order_app/order/")),
    *(
        Scene(f"admin-order-{name}", _of_a_changed_order("order-1", f"/admin/order_app/order/{{}}/{name}/"))
        for name in ("change", "cancel", "collect", "reopen", "refund")
    ),
)
"""Of a store that is well."""
HURT = (
    Scene("cluster-hurt", _cluster_in_use),
    Scene("admin-books-other-out", at("catalog-1", BOOKS)),
    Scene("admin-index-out", at("catalog-2", "/admin/")),
    Scene("admin-books-out", at("catalog-2", BOOKS)),
)
"""Of one in which a copy is out of sync, and a node was stopped."""


def set_the_stage(store: Store) -> None:
    """More books, sales, an edit, a restock, hits and misses."""
    shop = Client(store)
    for values in MORE_BOOKS:
        names = ("title", "authors", "isbn13", "topic", "price", "quantity")
        assert shop.post("/api/v1/books/", dict(zip(names, values, strict=True)), as_staff=True).status == 201
    shop.call("PATCH", "/api/v1/books/2/", {"price": "23.50"}, as_staff=True)
    shop.post("/api/v1/books/1/restock/", {"quantity": 100}, as_staff=True)
    trade(shop)


@contextmanager
def hurt(store: Store) -> Iterator[None]:
    """Order-2 is stopped, and the file of catalog-2 is in use by another program."""
    store.manage("node", "stop", "order-2")
    with out_of_sync(store, "catalog-2"):
        yield
    store.manage("node", "start", "order-2")


def trade(shop: Client) -> None:
    """Hits, misses and sales."""
    for book in (1, 2, 2, 3, 5, 7, 1):
        shop.get(f"/product/{book}")
        shop.get("/search/distributed%20systems")
        assert shop.buy(book, 1 + book % 2).status == 201
        shop.get(f"/product/{book}")


def take(browser: Browser, store: Store, folder: Path, scenes: Sequence[Scene]) -> None:
    for width in (NARROW, WIDE):
        for scheme in SCHEMES:
            with (
                Visitor(browser, store, width=width, scheme=scheme) as staff,
                Visitor(browser, store, width=width, scheme=scheme) as anybody,
            ):
                staff.excused = anybody.excused = ("",)
                for node in ("front", "catalog-1", "catalog-2", "order-1"):
                    staff.log_in(node)
                for scene in scenes:
                    visitor = staff if scene.is_logged_in else anybody
                    visitor.page.emulate_media(media="screen")
                    scene.show(visitor)
                    visitor.page.emulate_media(media=scene.media)
                    picture(visitor.page, folder / f"{scene.name}-{width}-{scheme}.png")


def picture(page: Page, path: Path) -> None:
    page.screenshot(path=path, full_page=True, animations="disabled")
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "bookstore-screenshots")
    parser.add_argument(
        "--only", nargs="+", metavar="SCENE", help="names of the scenes that are wanted: all, by default"
    )
    chosen = parser.parse_args()
    whole, injured = (
        [scene for scene in scenes if not chosen.only or scene.name in chosen.only] for scenes in (WHOLE, HURT)
    )
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "var", environment={"BOOKSTORE_BREAKABLE": "1"}) as store,
        chromium() as browser,
    ):
        set_the_stage(store)
        take(browser, store, chosen.folder, whole)
        if injured:
            with hurt(store):
                take(browser, store, chosen.folder, injured)


if __name__ == "__main__":
    main()
