"""The steps that break nothing: cache, counters, an update, a purchase, and which entry goes first."""

from itertools import cycle, islice, pairwise
from statistics import quantiles

from bookstore_project.nodes.tool_client import Answer
from demo.shop import CACHE_SIZE, Connection, Shop
from demo.telling import Teller
from tests.waiting import wait_for

BOOKS = (3, 4, 5, 6, 7, 1, 2)
"""All of them: more than the cache has room for, so whoever reads them in turn always misses."""
ROUNDS = 3
TIMED_ROUNDS = 20
"""Of reads whose times are compared, by turns: on a busy machine most of a time is waiting, and the quickest tell."""
BOOK_COLUMNS = ("id", "title", "price", "quantity", "version")
BOOK_ROW = "SELECT id, substr(title, 1, 24), price * 1.0, quantity, version FROM catalog_app_book WHERE id = ?"
LEDGER_COLUMNS = ("id", "book", "kind", "change", "balance")
LEDGER_ROWS = "SELECT id, book_id, kind, change, balance FROM catalog_app_ledgerentry ORDER BY id DESC LIMIT 2"
ORDER_COLUMNS = ("order", "book", "quantity", "unit_price", "title")
ORDER_ROWS = (
    "SELECT substr(CAST(order_id AS text), 1, 8) || '…', book, quantity, unit_price * 1.0, title "
    "FROM order_app_orderline ORDER BY sale DESC LIMIT 2"
)


def read_twice(shop: Shop, teller: Teller) -> None:
    """Miss, then hit, then how fast each of them is."""
    teller.heading("A book is read twice: first a replica answers, then the cache")
    _await_a_hit(shop, 7)
    first, second = shop.front.get("/product/2"), shop.front.get("/product/2")
    teller.say(f"“{first.json['title']}”, {first.json['price']}, {first.json['quantity']} copies")
    teller.expect(
        first.cache == "miss" and first.replica.startswith("catalog-"),
        f"first read:  X-Cache: {first.cache}, answered by {first.replica}, {first.took_ms:.2f} ms",
    )
    teller.expect(second.cache == "hit", f"second read: X-Cache: {second.cache}, {second.took_ms:.2f} ms")
    teller.expect(first.body == second.body, "both answers are the same, byte by byte")
    misses: list[Answer] = []
    hits: list[Answer] = []
    for _ in range(TIMED_ROUNDS):
        misses += [shop.front.get(f"/product/{book}") for book in BOOKS]
        hits += [shop.front.get("/product/7") for _ in BOOKS]
    teller.expect({answer.cache for answer in misses} == {"miss"}, f"{len(misses)} reads of others: all missed")
    teller.expect({answer.cache for answer in hits} == {"hit"}, f"{len(hits)} reads of the same book: all were hits")
    slow, quick = _quick_ms(misses), _quick_ms(hits)
    teller.expect(
        quick < slow,
        f"the cache is faster: {quick:.2f} ms instead of {slow:.2f} ms, {slow / quick:.1f} times (quickest tenth)",
    )


def _quick_ms(answers: list[Answer]) -> float:
    """A tenth of them took no longer."""
    return quantiles((answer.took_ms for answer in answers), n=10)[0]


def take_turns(shop: Shop, teller: Teller) -> None:
    """The two counters: one for the catalog, one for the orders."""
    teller.heading("Two counters share the work out: one for the catalog replicas, one for the order replicas")
    for _ in range(ROUNDS):
        events = shop.events()
        readers, sellers = _busy_minute(shop)
        if shop.events() == events:  # Else a replica was too slow for its health check, and left out for a while.
            break
    teller.say(f"reads:     {' '.join(readers)}")
    teller.say(f"purchases: {' '.join(sellers)}")
    teller.expect(_alternate(readers, "catalog"), "reads went to catalog-1 and catalog-2 strictly in turn")
    teller.expect(_alternate(sellers, "order"), "purchases went to order-1 and order-2 strictly in turn")


def update_one_replica(shop: Shop, teller: Teller) -> None:
    """An update at one replica: both databases and the cache follow."""
    teller.heading("Staff change a price at one replica, catalog-2: both databases and the cache follow")
    shop.front.get("/product/2")
    cached = shop.front.get("/product/2")
    teller.expect(cached.cache == "hit", f"before: the cache answers with the price {cached.json['price']}")
    teller.side_by_side("before, read from both databases", BOOK_COLUMNS, shop.both("catalog", BOOK_ROW, 2))
    replica = Connection(shop.store, "catalog-2")
    answer = replica.call("PATCH", "/api/v1/books/2/", {"price": "9.90"}, as_staff=True)
    replica.close()
    teller.expect(answer.status == 200, f"PATCH at catalog-2: {answer.status} in {answer.took_ms:.1f} ms")
    after = shop.front.get("/product/2")
    found = shop.both("catalog", BOOK_ROW, 2)
    teller.side_by_side("after", BOOK_COLUMNS, found)
    teller.expect({rows[0][2] for rows in found.values()} == {"9.90"}, "both databases have the new price")
    teller.expect(len({str(rows) for rows in found.values()}) == 1, "and the same row otherwise")
    teller.expect(
        after.json["price"] == "9.90",
        f"the very next read at the front says {after.json['price']} (X-Cache: {after.cache})",
    )


def buy(shop: Shop, teller: Teller) -> None:
    """A purchase: one copy fewer and a row of the ledger in both catalogs, an order in both order databases."""
    teller.heading("A customer buys 2 copies: both catalog databases sell them, both order databases have the order")
    stock = shop.front.get("/product/1").json["quantity"]
    teller.side_by_side("the order databases before (last 2 rows)", ORDER_COLUMNS, shop.both("order", ORDER_ROWS))
    teller.side_by_side("the catalog databases before", BOOK_COLUMNS, shop.both("catalog", BOOK_ROW, 1))
    answer = shop.front.buy(1, 2)
    teller.expect(
        answer.status == 201,
        f"POST /api/v1/orders/: {answer.status} by {answer.replica} in {answer.took_ms:.1f} ms",
    )
    orders = shop.both("order", ORDER_ROWS)
    books, ledger = shop.both("catalog", BOOK_ROW, 1), shop.both("catalog", LEDGER_ROWS)
    teller.side_by_side("the order databases after", ORDER_COLUMNS, orders)
    teller.side_by_side("the catalog databases after", BOOK_COLUMNS, books)
    teller.side_by_side("their ledgers, which explain the stock (last 2 rows)", LEDGER_COLUMNS, ledger)
    order = f"{answer.json['id'][:8]}…"
    teller.expect(
        {rows[0][0] for rows in orders.values()} == {order}, f"order {order} stands in both order databases"
    )
    teller.expect(
        {rows[0][3] for rows in books.values()} == {stock - 2}, f"both catalogs have {stock - 2} copies, not {stock}"
    )
    teller.expect(
        {rows[0][1:4] for rows in ledger.values()} == {(1, "sale", -2)}, "both ledgers have the sale that says why"
    )
    shown = shop.front.get("/product/1").json["quantity"]
    teller.expect(shown == stock - 2, f"the front says {shown}, too")


def evict(shop: Shop, teller: Teller) -> None:
    """The least recently used entry makes room for a new one."""
    teller.heading(f"The cache has room for {CACHE_SIZE} entries: the least recently used goes first")
    for book in (1, 2, 3):
        shop.front.get(f"/product/{book}")
    before = shop.cache()
    teller.say(f"read books 1, 2, 3      from next to go to used last:  {_listed(before['keys'])}")
    teller.expect(before["keys"] == ["book:1", "book:2", "book:3"], "they lie there in the order of their use")
    shop.front.get("/product/1")
    touched = shop.cache()["keys"]
    teller.say(f"read book 1 once more   from next to go to used last:  {_listed(touched)}")
    teller.expect(touched == ["book:2", "book:3", "book:1"], "book 1 was used last now, and book 2 is next to go")
    shop.front.get("/product/4")
    after = shop.cache()
    teller.say(f"read book 4             from next to go to used last:  {_listed(after['keys'])}")
    teller.expect(after["keys"] == ["book:3", "book:1", "book:4"], "book 2 went, and nothing else")
    teller.expect(after["evictions"] == before["evictions"] + 1, "the cache counted one more eviction")
    teller.expect(shop.front.get("/product/1").cache == "hit", "book 1 is a hit still")
    teller.expect(shop.front.get("/product/2").cache == "miss", "book 2 has to be fetched anew")


def _await_a_hit(shop: Shop, book: int) -> None:
    """A front that has just started gets its lease within moments; before that it caches nothing."""
    wait_for(lambda: shop.front.get(f"/product/{book}").cache == "hit", 20, "the front uses its cache")


def _busy_minute(shop: Shop) -> tuple[list[str], list[str]]:
    """Who answered each of some reads and purchases."""
    readers, sellers = [], []
    for book in islice(cycle((3, 4, 5, 6)), 8):
        readers.append(shop.front.get(f"/product/{book}").replica)
        if book != 4:  # Not always one after the other: the counters don't share a turn.
            sellers.append(shop.front.buy(7).replica)
    return readers, sellers


def _alternate(replicas: list[str], service: str) -> bool:
    takes_turns = all(one != other for one, other in pairwise(replicas))
    return takes_turns and set(replicas) == {f"{service}-1", f"{service}-2"}


def _listed(keys: list[str]) -> str:
    return " ".join(keys)
