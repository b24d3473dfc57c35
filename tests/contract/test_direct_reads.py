"""A read of a book that goes past Django at the front is answered as one that goes through it."""

import pytest
from django.conf import settings

from bookstore_project.nodes.gateway.messages import Incoming
from frontend_app.gateway import direct_reads
from tests.answers import Answer
from tests.asgi import scope_of
from tests.client import Client, Shop
from tests.contract.test_direct_purchases import THROUGH_DJANGO
from tests.store import Store

OWN = frozenset({"date", "x-request-id", "server-timing", "x-replica", "x-log-position", "x-cache", "etag"})
"""Headers whose values are each answer's own: of a missing book, also the tag, as a problem names its request."""
UNASKED = 31_415_926
ADDRESSES = ("/product/{}", "/product/{}/", "/info/{}", "/api/v1/books/{}/", "/api/v1/books/{}")


def shown(answer: Answer) -> tuple[int, dict[str, str], object]:
    members = {name: value for name, value in answer.json.items() if name != "request_id"}
    named = {name: "" if name in OWN else value for name, value in answer.headers.items()}
    named["vary"] = ", ".join(sorted(named["vary"].split(", ")))
    return answer.status, named, members


@pytest.mark.parametrize("book", [2, 999_999, 10**17], ids=str)
@pytest.mark.parametrize("address", ADDRESSES)
def test_both_ways_answer_alike(shop: Shop, address: str, book: int) -> None:
    """Of a book, and of one that isn't there."""
    path = address.format(book)
    assert shown(shop.front.get(path)) == shown(shop.front.get(path, dict([THROUGH_DJANGO])))


def test_both_ways_say_alike_that_nobody_can_answer(store: Store) -> None:
    """Of a book that nobody has asked for: the front may tell of others for as long as its lease."""
    for node in ("catalog-1", "catalog-2"):
        store.manage("node", "stop", node)
    with Client(store) as client:
        first, second = (shown(client.get(f"/product/{UNASKED}", sent)) for sent in ({}, dict([THROUGH_DJANGO])))
    assert first[0] == 503
    assert first == second
    for node in ("catalog-1", "catalog-2"):
        store.manage("node", "start", node)


@pytest.mark.parametrize(
    ("method", "target", "sent", "is_direct"),
    [
        ("GET", "/product/2", [], True),
        ("GET", "/api/v1/books/2/", [("accept", "*/*"), ("cookie", "a=b")], True),
        ("HEAD", "/product/2", [], False),
        ("GET", "/product/2?format=json", [], False),
        ("GET", "/product/02", [], False),
        ("GET", "/product/0", [], False),
        ("GET", "/api/v1/books/2/history/", [], False),
        ("GET", "/product/2", [("host", "evil.example")], False),
        ("GET", "/product/2", [("accept", "text/html")], False),
        ("GET", "/product/2", [("if-none-match", "*")], False),
        ("GET", "/product/2", [("authorization", "Basic x")], False),
        ("GET", "/product/2", [("cookie", f"{settings.SESSION_COOKIE_NAME}=x")], False),
        ("GET", "/product/2", [("content-length", "2")], False),
        ("GET", "/product/2", [("x-request-timeout", "2")], False),
    ],
)
def test_whatever_is_unusual_is_left_to_django(
    method: str, target: str, sent: list[tuple[str, str]], is_direct: bool
) -> None:
    own = [] if any(name == "host" for name, _ in sent) else [("host", "127.0.0.1")]
    request = Incoming.of(scope_of(method, target, [*own, *sent]))
    assert (direct_reads.DIRECT in direct_reads.marks(request)) == is_direct
