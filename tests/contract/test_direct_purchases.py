"""A purchase that goes past Django at the front is answered as one that goes through it."""

import json

import pytest

from tests.answers import Answer
from tests.client import Request, Shop

THROUGH_DJANGO = ("X-Request-Timeout", "60")
"""Anything unusual leads there; this one changes nothing else."""
OWN = frozenset({"date", "x-request-id", "server-timing", "etag", "location", "x-log-position", "x-replica"})
"""Headers whose values are each answer's own."""
ORDERS = "/api/v1/orders/"
SENT = {
    "a book": (ORDERS, {"book": 2}),
    "a book without a slash": (ORDERS[:-1], {"book": 2, "quantity": 1}),
    "lines": (ORDERS, {"lines": [{"book": 2}, {"book": 3, "quantity": 2}]}),
    "by its address": ("/purchase/2", {"quantity": 1}),
    "by its address with a slash": ("/purchase/2/", {}),
    "without a body": ("/purchase/2", None),
    "no such book": (ORDERS, {"book": 999_999}),
    "no such address": ("/purchase/999999", {}),
    "no book at all": ("/purchase/0", {}),
    "a number too large": (f"/purchase/{2**63}", {}),
    "too many copies": (ORDERS, {"book": 2, "quantity": 1_001}),
    "more than there are": (ORDERS, {"lines": [{"book": 2, "quantity": 1000}, {"book": 3, "quantity": 1000}]}),
    "another price": (ORDERS, {"book": 2, "unit_price": "0.01"}),
    "an unknown field": (ORDERS, {"book": 2, "colour": "red"}),
    "both ways": ("/purchase/2", {"book": 3}),
    "a list": (ORDERS, [1]),
    "a list by its address": ("/purchase/2", [1]),
    "nothing": (ORDERS, None),
    "a slash too many": (f"{ORDERS}/", {"book": 2}),
    "a slash too many, by its address": ("/purchase/2//", {}),
}


def ask(shop: Shop, path: str, body: bytes | None, *more: tuple[str, str]) -> Answer:
    typed = [] if body is None else [("Content-Type", "application/json")]
    return shop.front.send(Request("POST", path, [*typed, *more], body))


def shown(answer: Answer) -> tuple[int, dict[str, str], object]:
    members = answer.json
    own = ("id", "request_id", "created_at", "detail", "lines") if answer.status >= 400 else ("id", "created_at")
    alike = {name: value for name, value in members.items() if name not in own}
    headers = {name: "" if name in OWN else value for name, value in answer.headers.items()}
    headers.pop("content-length")
    headers["vary"] = ", ".join(sorted(headers["vary"].split(", ")))
    return answer.status, headers, alike


@pytest.mark.parametrize("what", SENT)
def test_both_ways_answer_alike(shop: Shop, what: str) -> None:
    path, data = SENT[what]
    body = None if data is None else json.dumps(data).encode()
    assert shown(ask(shop, path, body)) == shown(ask(shop, path, body, THROUGH_DJANGO))


@pytest.mark.parametrize("body", [b"{", b'{"book": 2, "book": 3}', b"\xff", b'{"book": NaN}'])
def test_what_cannot_be_read_is_told_alike(shop: Shop, body: bytes) -> None:
    for path in (ORDERS, "/purchase/2"):
        assert shown(ask(shop, path, body)) == shown(ask(shop, path, body, THROUGH_DJANGO))


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; Charset=UTF-8", "application / json", "appli cation/json", ""],
)
def test_a_content_type_means_the_same_either_way(shop: Shop, content_type: str) -> None:
    typed = ("Content-Type", content_type)
    direct = shop.front.send(Request("POST", ORDERS, [typed], b'{"book": 2}'))
    through_django = shop.front.send(Request("POST", ORDERS, [typed, THROUGH_DJANGO], b'{"book": 2}'))
    assert shown(direct) == shown(through_django)


def test_a_key_buys_once_by_either_way(shop: Shop) -> None:
    key = ("Idempotency-Key", "by-both-ways-once-only")
    first = ask(shop, ORDERS, b'{"book": 2}', key)
    again = ask(shop, ORDERS, b'{"book": 2}', key, THROUGH_DJANGO)
    once_more = ask(shop, ORDERS, b'{"book": 2}', key)
    assert {answer.json["id"] for answer in (first, again, once_more)} == {first.json["id"]}
    assert [answer.headers.get("idempotent-replayed") for answer in (again, once_more)] == ["true", "true"]
    other = ask(shop, ORDERS, b'{"book": 3}', key)
    assert shown(other) == shown(ask(shop, ORDERS, b'{"book": 3}', key, THROUGH_DJANGO))
    assert other.status == 422


@pytest.mark.parametrize(
    ("unusual", "status"),
    [
        (("Origin", "http://elsewhere.example"), 403),
        (("Authorization", "Token wrong"), 401),
        (("Accept", "text/plain"), 406),
        (("Content-Encoding", "gzip"), 415),
        (("Host", "elsewhere.example"), 400),
        (("Idempotency-Key", "short"), 400),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_what_is_refused_through_django_is_refused(shop: Shop, unusual: tuple[str, str], status: int) -> None:
    assert ask(shop, ORDERS, b'{"book": 2}', unusual).status == status
