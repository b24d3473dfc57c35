"""What a customer and a shop assistant meet, with real processes and real files."""

import json
import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

import pytest

from tests import databases
from tests.answers import Answer
from tests.client import Shop, until_answered
from tests.store import is_unanswered
from tests.waiting import PATIENCE_S, wait_for

T = TypeVar("T")

HALVES = (
    b"POST /api/v1/orders/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 50\r\n\r\n{"book": ',
    b"POST /purchase/1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"book": ',
    b"PATCH /api/v1/books/1/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
    b"GET /product/1 HTTP/1.1\r\nHost: local",
)


def at_once(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """The results of all jobs, each in a thread of its own, begun together."""
    waiting = list(jobs)
    start = threading.Barrier(len(waiting))

    def run(job: Callable[[], T]) -> T:
        start.wait(PATIENCE_S)
        return job()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(run, waiting))


class TestOneBook:
    def test_second_read_is_a_hit_with_the_same_bytes(self, shop: Shop) -> None:
        book = shop.new_book(quantity=3)
        # A set push may have filled the cache before anybody read.
        first, second = shop.front.get(f"/product/{book}"), shop.front.get_hit(f"/product/{book}")
        assert first.body == second.body
        assert first.headers["etag"] == second.headers["etag"]

    def test_first_read_after_a_start_is_a_miss(self, shop: Shop) -> None:
        """Of a topic that nobody has asked for: nobody can have pushed its list."""

        def missed() -> list[Answer]:
            answer = shop.front.get(f"/search/topic%20{uuid.uuid4()}")
            return [answer] if answer.headers["x-cache"] != "bypass" else []

        (first,) = wait_for(missed, what="a front with a lease")
        assert first.headers["x-cache"] == "miss"
        assert shop.front.get_hit(first.path).body == first.body

    def test_sold_copy_is_in_all_four_files_when_the_answer_comes(self, shop: Shop) -> None:
        """Read with the sqlite3 program, at once: no condition is waited for."""
        book = shop.new_book(quantity=10)
        before = shop.front.get(f"/product/{book}")
        sold = shop.front.buy(book, 3)
        catalogs = [
            (
                databases.ask_tool(file, f"SELECT quantity, version FROM catalog_app_book WHERE id = {book}"),
                databases.ask_tool(
                    file,
                    'SELECT kind, change, balance, quantity, unit_price, "order" FROM catalog_app_ledgerentry '
                    f"WHERE book_id = {book} ORDER BY id",
                ),
            )
            for file in databases.files(shop.store, "catalog")
        ]
        order_id = uuid.UUID(sold.json["id"]).hex
        orders = [
            databases.ask_tool(file, f"SELECT * FROM order_app_orderline WHERE order_id = '{order_id}'")
            for file in databases.files(shop.store, "order")
        ]
        assert sold.status == 201, sold
        assert catalogs[0] == catalogs[1]
        assert orders[0] == orders[1]
        (shelf,), (initial, sale) = catalogs[0]
        assert shelf == {"quantity": 7, "version": 2}
        assert (initial["kind"], initial["change"]) == ("initial", 10)
        assert sale == {
            "kind": "sale", "change": -3, "balance": 7, "quantity": 3, "unit_price": 12.5, "order": order_id,
        }  # fmt: skip
        (order,) = orders[0]
        assert (order["book"], order["quantity"], order["unit_price"]) == (book, 3, 12.5)
        after = shop.front.get(f"/product/{book}")
        assert (before.json["quantity"], after.json["quantity"]) == (10, 7)
        assert after.json["version"] == before.json["version"] + 1

    def test_order_can_be_read_from_every_node_that_has_it(self, shop: Shop) -> None:
        sold = shop.front.buy(shop.new_book(quantity=1))
        path = f"/api/v1/orders/{sold.json['id']}/"
        assert sold.headers["location"] == path
        for node in ("front", "order-1", "order-2"):
            assert shop.client(node).get(path).json == sold.json

    @pytest.mark.parametrize("path", ["/product/{}", "/info/{}/", "/api/v1/books/{}/", "/api/v1/books/{}"])
    def test_changed_price_is_in_the_next_answer(self, shop: Shop, path: str) -> None:
        book = shop.new_book(quantity=1)
        shop.front.get(path.format(book))
        changed = shop.front.call("PATCH", f"/api/v1/books/{book}/", {"price": "9.90"}, as_staff=True)
        assert changed.status == 200, changed
        assert shop.front.get(path.format(book)).json == changed.json
        assert changed.json["price"] == "9.90"

    def test_retired_book_is_gone_and_its_order_stays(self, shop: Shop) -> None:
        book = shop.new_book(quantity=1)
        sold = shop.front.buy(book)
        shop.front.get(f"/product/{book}")
        gone = shop.front.call("DELETE", f"/api/v1/books/{book}/", as_staff=True)
        assert (gone.status, gone.body) == (204, b"")
        assert shop.front.get(f"/product/{book}").code == "not_found"
        assert shop.front.buy(book).code == "not_found"
        assert shop.front.get(f"/api/v1/orders/{sold.json['id']}/").status == 200

    def test_change_of_a_version_that_is_past_is_refused(self, shop: Shop) -> None:
        book = shop.new_book(quantity=1)
        tag = shop.front.get(f"/api/v1/books/{book}/").headers["etag"]
        path = f"/api/v1/books/{book}/"
        first = shop.front.call("PATCH", path, {"price": "1.00"}, {"If-Match": tag}, as_staff=True)
        second = shop.front.call("PATCH", path, {"price": "2.00"}, {"If-Match": tag}, as_staff=True)
        assert (first.status, second.code) == (200, "precondition_failed")
        assert shop.front.get(path).json["price"] == "1.00"


class TestManyBuyers:
    def test_twenty_copies_make_twenty_of_forty_buyers_happy(self, shop: Shop) -> None:
        book = shop.new_book(quantity=20)
        clients = [shop.client(keep_alive=number % 2 == 0) for number in range(40)]
        answers = at_once([partial(client.buy, book) for client in clients])
        for client in clients:
            client.close()
        assert Counter((answer.status, answer.code) for answer in answers) == {
            (201, ""): 20,
            (409, "out_of_stock"): 20,
        }
        for file in databases.files(shop.store, "catalog"):
            assert databases.query(file, "SELECT quantity FROM catalog_app_book WHERE id = ?", [book]) == [(0,)]
            sales = "SELECT count(*) FROM catalog_app_ledgerentry WHERE book_id = ? AND kind = 'sale'"
            assert databases.query(file, sales, [book]) == [(20,)]
        for file in databases.files(shop.store, "order"):
            assert databases.query(file, "SELECT count(*) FROM order_app_orderline WHERE book = ?", [book]) == [(20,)]
        assert shop.front.get(f"/product/{book}").json["quantity"] == 0

    def test_repeated_keys_buy_once_each_and_always_get_the_same_answer(self, shop: Shop) -> None:
        """200 purchases: 8 clients, each with the same 25 keys in an order of its own, by both routes."""
        book = shop.new_book(quantity=15)
        keys = [str(uuid.uuid4()) for _ in range(25)]

        def client(number: int) -> list[tuple[str, Answer]]:
            with shop.client(keep_alive=number % 2 == 0) as talk:
                own_order = random.Random(number).sample(keys, len(keys))
                return [(key, until_answered(partial(_buy, talk.post, book, key, by_path=(number + place) % 3 == 0)))
                        for place, key in enumerate(own_order)]  # fmt: skip

        answers: dict[str, list[Answer]] = defaultdict(list)
        for heard in at_once([partial(client, number) for number in range(8)]):
            for key, answer in heard:
                answers[key].append(answer)
        assert sum(map(len, answers.values())) == 200
        for key, same in answers.items():
            assert {_outcome(answer) for answer in same} == {_outcome(same[0])}, key
            # A slow machine has one replica make it, and another one tell of it: then nobody hears the first answer.
            assert sum("idempotent-replayed" not in answer.headers for answer in same) <= 1, list(map(str, same))
        assert any("idempotent-replayed" not in answer.headers for same in answers.values() for answer in same)
        outcomes = Counter(same[0].status for same in answers.values())
        assert outcomes == {201: 15, 409: 10}
        for file in databases.files(shop.store, "order"):
            assert databases.query(file, "SELECT count(*) FROM order_app_orderline WHERE book = ?", [book]) == [(15,)]
        shop.front.post(f"/api/v1/books/{book}/restock/", {"quantity": 50}, as_staff=True)
        for key, same in answers.items():
            assert _outcome(_buy(shop.front.post, book, key, by_path=False)) == _outcome(same[0])

    def test_key_used_for_another_purchase_is_refused(self, shop: Shop) -> None:
        book, key = shop.new_book(quantity=5), str(uuid.uuid4())
        assert shop.front.buy(book, 1, key=key).status == 201
        assert shop.front.buy(book, 2, key=key).code == "idempotency_conflict"
        assert shop.front.buy(1, 1, key=key).code == "idempotency_conflict"
        assert shop.front.get(f"/product/{book}").json["quantity"] == 4

    @pytest.mark.parametrize("path", ["/api/v1/books/", "/api/v1/books/{}/restock/"])
    def test_repeated_change_by_staff_is_made_once(self, shop: Shop, path: str) -> None:
        book = shop.new_book(quantity=1)
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        data = {"quantity": 4} if "restock" in path else {"title": "Twice", "topic": str(uuid.uuid4()), "price": 1}
        first, second = (shop.front.post(path.format(book), data, headers, as_staff=True) for _ in range(2))
        assert (first.status, first.body) == (second.status, second.body)
        assert first.status in (200, 201)
        assert second.headers["idempotent-replayed"] == "true"
        other = shop.front.post(path.format(book), {**data, "quantity": 9}, headers, as_staff=True)
        assert other.code == "idempotency_conflict"


def _buy(post: Callable[..., Answer], book: int, key: str, *, by_path: bool) -> Answer:
    headers = {"Idempotency-Key": key}
    return post(f"/purchase/{book}", None, headers) if by_path else post("/api/v1/orders/", {"book": book}, headers)


def _outcome(answer: Answer) -> tuple[object, ...]:
    """What must be the same however often it is asked for. A problem names the request that it answers."""
    if answer.status >= 400:
        return answer.status, json.dumps({**answer.json, "request_id": ""})
    return answer.status, answer.body, answer.headers["etag"], answer.headers.get("location")


class TestSlowClients:
    @pytest.mark.parametrize("job", ["hit", "bypass", "purchase"])
    def test_half_sent_bodies_delay_neither_reads_nor_purchases(self, shop: Shop, job: str) -> None:
        """Twenty of four kinds."""
        book = shop.new_book(quantity=1000)
        jobs: dict[str, Callable[[], Answer]] = {
            "hit": lambda: shop.front.get(f"/product/{book}"),
            "bypass": lambda: shop.front.get("/api/v1/books/"),
            "purchase": lambda: shop.front.buy(book),
        }

        def is_served_meanwhile() -> bool:
            """Answered before any of them has been waited for as long as anybody is, and given up."""
            with ExitStack() as stack:
                halves = [stack.enter_context(shop.store.connect()) for _ in range(20)]
                for number, half in enumerate(halves):
                    half.sendall(HALVES[number % len(HALVES)])
                assert jobs[job]().status < 300
                return all(is_unanswered(half) for half in halves)

        wait_for(is_served_meanwhile, what="an answer beside half-sent bodies")
