"""Random requests, the same in every run: none breaks a node, and none leaves the two files different."""

import json
import random
from functools import partial
from http.client import HTTPException
from typing import Any

import pytest

from tests import databases
from tests.client import Request, Shop, basic, until_answered

REQUESTS = 250
METHODS = ("GET", "GET", "POST", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT", "BREW")
PATHS = (
    "/api/v1/books/",
    "/api/v1/books/{}/",
    "/api/v1/books/{}/restock",
    "/product/{}",
    "/info/{}",
    "/search/{}",
    "/api/v1/orders/",
    "/api/v1/orders/{}/",
    "/api/v1/orders/{}/cancel/",
    "/purchase/{}",
    "/internal/sales/",
    "/internal/returns/",
    "/internal/processes/",
    "/internal/push",
    "/internal/status/",
    "/{}",
    "/admin/{}",
    "/static/{}",
)
OWN_BOOK = "own book"
"""Stands for the id of a book that may be bought, changed and retired at random."""
WORDS = (
    OWN_BOOK,
    OWN_BOOK,
    "999",
    "-1",
    "x",
    "%00",
    "%ff",
    "%2f",
    "..",
    "%2e%2e",
    "9" * 30,
    "%F0%9F%93%96",
    "a%20b",
    "'%22;",
    "{}",
)
NAMES = ("book", "quantity", "title", "authors", "isbn13", "topic", "price", "id", "version", "\u00e9", "")
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1001,
    1.5,
    2**63,
    1e308,
    "",
    "x",
    "\0",
    "\u202e",
    "9" * 400,
    [],
    [[]],
    {},
    {"a": [None]},
)
QUERY_NAMES = ("page", "page_size", "ordering", "search", "topic", "book", "created_after", "after", "format", "x")
HEADERS = {
    "Accept": ("*/*", "text/html", "application/json;q=0", "nonsense", "a/b/c", ";"),
    "Content-Type": (
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        "application/json;charset=x",
    ),
    "Content-Encoding": ("gzip", "identity", ""),
    "Idempotency-Key": ("short", "x" * 20, "x" * 300, "\xe9" * 20),
    "If-Match": ("*", '"x"', "x", "W/", '"'),
    "If-None-Match": ("*", '"x', "x,y", ","),
    "X-Request-Id": ("", "a b", "x" * 300),
    "X-Service-Token": ("x",),
    "X-Deadline": ("nan", "0", "x"),
    "Authorization": ("Basic", "Basic !", "Bearer x", "Token x"),
    "Cookie": ("x", "sessionid-front=x", "=;=", "csrftoken-front=\xff"),
    "Range": ("bytes=0-1", "x"),
    "Expect": ("x",),
    "Host": ("localhost", "127.0.0.1"),
}


def some_json(chance: random.Random, depth: int = 0) -> Any:
    if depth < 3 and chance.random() < 0.3:
        return [some_json(chance, depth + 1) for _ in range(chance.randrange(4))]
    if depth < 3 and chance.random() < 0.5:
        return {chance.choice(NAMES): some_json(chance, depth + 1) for _ in range(chance.randrange(4))}
    return chance.choice(VALUES)


def some_body(chance: random.Random) -> bytes:
    text = json.dumps(some_json(chance), ensure_ascii=chance.random() < 0.5).encode()
    kind = chance.random()
    if kind < 0.2:
        return text[: chance.randrange(len(text) + 1)]
    if kind < 0.4:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
    return text


def some_request(chance: random.Random, staff: str, book: int) -> Request:
    path = chance.choice(PATHS).format(chance.choice(WORDS)).replace(OWN_BOOK, str(book))
    if chance.random() < 0.4:
        path += f"?{chance.choice(QUERY_NAMES)}={chance.choice(WORDS).replace(OWN_BOOK, str(book))}"
    headers = [(name, chance.choice(HEADERS[name])) for name in chance.sample(list(HEADERS), chance.randrange(5))]
    if chance.random() < 0.3:
        headers.append(("Authorization", staff))
    if not any(name == "Content-Type" for name, _ in headers) and chance.random() < 0.8:
        headers.append(("Content-Type", "application/json"))
    body = some_body(chance) if chance.random() < 0.6 else None
    return Request(chance.choice(METHODS), path, headers, body, is_chunked=body is not None and chance.random() < 0.3)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("node", ["front", "catalog-2", "order-1"])
def test_random_requests_break_nothing(shop: Shop, node: str, seed: int) -> None:
    chance = random.Random(f"{node} {seed}")
    staff = basic(*shop.store.staff)
    book = shop.new_book(quantity=1000)
    broken = []
    for _number in range(REQUESTS):
        request = some_request(chance, staff, book)
        try:
            answer = until_answered(partial(shop.client(node).send, request))
        except (OSError, HTTPException) as error:
            broken.append(f"{request}: {error!r}")
            continue
        if answer.status >= 500:
            broken.append(f"{request}\n    {answer}")
    assert not broken, "\n".join(broken)
    for service in databases.SERVICES:
        databases.dump_both(shop.store, service)
    assert shop.front.get("/healthz").status == shop.client(node).get("/readyz").status == 200
